// Shows a sound, lets its beginning and end be cut off, and plays what is left.

const BARS = 200;

export class Trimmer {
  #root;
  #buffer = null;
  #playing = null;

  constructor(root) {
    this.#root = root;
    for (const range of root.querySelectorAll("input[type='range']")) {
      range.addEventListener("input", () => this.#moved(range));
    }
  }

  get buffer() {
    return this.#buffer;
  }

  get fromS() {
    return this.#value("start");
  }

  get toS() {
    return this.#value("end");
  }

  get isTrimmed() {
    return this.fromS > 0 || this.toS < this.#end().max - 0.02;
  }

  show(buffer) {
    this.#buffer = buffer;
    for (const range of this.#root.querySelectorAll("input[type='range']")) {
      range.max = buffer.duration.toFixed(2);
      range.value = range.dataset.melodyTrim === "start" ? "0" : range.max;
    }
    this.#draw();
  }

  async play() {
    this.#playing?.stop();
    const context = new AudioContext();
    const source = new AudioBufferSourceNode(context, { buffer: this.#buffer });
    source.connect(context.destination);
    source.addEventListener("ended", () => context.close(), { once: true });
    source.start(0, this.fromS, Math.max(0.05, this.toS - this.fromS));
    this.#playing = source;
  }

  #end() {
    return this.#root.querySelector("[data-melody-trim='end']");
  }

  #value(name) {
    return Number(this.#root.querySelector(`[data-melody-trim='${name}']`).value);
  }

  #moved(range) {
    const [start, end] = ["start", "end"].map((name) => this.#root.querySelector(`[data-melody-trim='${name}']`));
    // The two never pass each other.
    if (Number(start.value) > Number(end.value)) range.value = range === start ? end.value : start.value;
    this.#draw();
  }

  #draw() {
    const canvas = this.#root.querySelector("canvas");
    const { width, height } = canvas;
    const pen = canvas.getContext("2d");
    const samples = this.#buffer.getChannelData(0);
    const each = Math.max(1, Math.floor(samples.length / BARS));
    pen.clearRect(0, 0, width, height);
    pen.fillStyle = getComputedStyle(canvas).color;
    for (let bar = 0; bar < BARS; bar += 1) {
      let peak = 0;
      for (let at = bar * each; at < Math.min(samples.length, (bar + 1) * each); at += 1) {
        peak = Math.max(peak, Math.abs(samples[at]));
      }
      const atS = (bar / BARS) * this.#buffer.duration;
      pen.globalAlpha = atS >= this.fromS && atS <= this.toS ? 1 : 0.25;
      const tall = Math.max(1, peak * height);
      pen.fillRect((bar * width) / BARS, (height - tall) / 2, Math.max(1, width / BARS - 1), tall);
    }
  }
}
