// Decoding in the browser what the collector cannot decode, at the recording's own sample rate where that is known.
import { type Foreign, foreignFormat } from "./audio-format";
import { encodeWav } from "./wav";

/** The browser cannot decode it either; `container` is what it is. */
export class UndecodableError extends Error {
  readonly container: string;

  constructor(container: string) {
    super(container);
    this.name = "UndecodableError";
    this.container = container;
  }
}

export interface Prepared {
  file: Blob;
  decoded?: Foreign;
}

const USUAL_HZ = 48_000;

/** The file as the collector can read it. */
export async function prepare(file: File): Promise<Prepared> {
  const content = await file.arrayBuffer();
  const foreign = foreignFormat(content);
  if (foreign === null) return { file };
  const sound = await decode(content, foreign);
  const channels = Array.from({ length: sound.numberOfChannels }, (_, index) => sound.getChannelData(index));
  return { file: encodeWav(channels, sound.sampleRate), decoded: foreign };
}

/** A context resamples all that it decodes to its own rate. */
async function decode(content: ArrayBuffer, { container, rateHz }: Foreign): Promise<AudioBuffer> {
  try {
    return await contextOf(rateHz ?? USUAL_HZ).decodeAudioData(content);
  } catch {
    throw new UndecodableError(container);
  }
}

function contextOf(rateHz: number): OfflineAudioContext {
  try {
    return new OfflineAudioContext(1, 1, rateHz);
  } catch {
    return new OfflineAudioContext(1, 1, USUAL_HZ);
  }
}
