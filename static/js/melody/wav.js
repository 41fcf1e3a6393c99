// Writes part of a sound as a WAV file: one channel, 16 bits.

const HEADER_BYTES = 44;

function mixed(buffer, first, count) {
  const mix = new Float32Array(count);
  for (let channel = 0; channel < buffer.numberOfChannels; channel += 1) {
    const samples = buffer.getChannelData(channel);
    for (let at = 0; at < count; at += 1) mix[at] += samples[first + at] / buffer.numberOfChannels;
  }
  return mix;
}

export function wavOf(buffer, fromS, toS) {
  const first = Math.floor(fromS * buffer.sampleRate);
  const count = Math.max(1, Math.min(buffer.length, Math.ceil(toS * buffer.sampleRate)) - first);
  const view = new DataView(new ArrayBuffer(HEADER_BYTES + 2 * count));
  const text = (at, letters) => {
    for (const [index, letter] of [...letters].entries()) view.setUint8(at + index, letter.charCodeAt(0));
  };
  text(0, "RIFF");
  view.setUint32(4, 36 + 2 * count, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, buffer.sampleRate, true);
  view.setUint32(28, 2 * buffer.sampleRate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, 2 * count, true);
  for (const [index, sample] of mixed(buffer, first, count).entries()) {
    view.setInt16(HEADER_BYTES + 2 * index, Math.max(-1, Math.min(1, sample)) * 32767, true);
  }
  return new Blob([view.buffer], { type: "audio/wav" });
}
