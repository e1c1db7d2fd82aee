import { httpRequest } from './http-request.ts';

/** What `/metrics` said at one moment. */
export interface Scrape {
  readonly text: string;
  /** The value of a sample, named as in the text: `threadwire_streams{state="active"}`. It has to be there. */
  readonly value: (sample: string) => number;
}

/** Reads the metrics of a server. */
export async function scrape({ url }: { readonly url: string }): Promise<Scrape> {
  const { status, text } = await httpRequest(`${url}/metrics`);
  if (status !== 200) throw new Error(`/metrics answered ${status}`);
  return {
    text,
    value: (sample) => {
      const line = text.split('\n').find((each) => each.startsWith(`${sample} `));
      if (line === undefined) throw new Error(`there is no sample ${sample}`);
      return Number(line.slice(sample.length + 1));
    },
  };
}
