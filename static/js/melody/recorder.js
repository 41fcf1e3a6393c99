// Records from the microphone, and tells how loud it is meanwhile.

const LONGEST_MS = 60_000;

export class Recorder {
  #stream = null;
  #media = null;
  #context = null;
  #timer = 0;
  #frame = 0;

  get isRecording() {
    return this.#media?.state === "recording";
  }

  // Asks for the microphone. `level` is called with 0 to 1; resolves with what was recorded, once `stop` is called or
  // a minute is over. Rejects where there is no microphone, or no permission.
  async record(level) {
    this.#stream = await navigator.mediaDevices.getUserMedia({
      // What calls need takes the music out of a hummed line.
      audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: true },
    });
    this.#meter(level);
    this.#media = new MediaRecorder(this.#stream);
    const pieces = [];
    this.#media.addEventListener("dataavailable", ({ data }) => pieces.push(data));
    const ended = new Promise((resolve) => {
      this.#media.addEventListener("stop", resolve, { once: true });
    });
    this.#media.start();
    this.#timer = setTimeout(() => this.stop(), LONGEST_MS);
    await ended;
    this.#release();
    return new Blob(pieces, { type: this.#media.mimeType });
  }

  stop() {
    if (this.isRecording) this.#media.stop();
  }

  #meter(level) {
    this.#context = new AudioContext();
    const analyser = this.#context.createAnalyser();
    this.#context.createMediaStreamSource(this.#stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    const look = () => {
      analyser.getFloatTimeDomainData(samples);
      // 60 dB below full scale and less is nothing.
      const peak = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0.001);
      level(1 + Math.log10(peak) / 3);
      this.#frame = requestAnimationFrame(look);
    };
    look();
  }

  #release() {
    clearTimeout(this.#timer);
    cancelAnimationFrame(this.#frame);
    for (const track of this.#stream.getTracks()) track.stop();
    this.#context.close();
  }
}
