/** Why a request was not answered as hoped: the server's code, or `offline`, or `no_answer`. */
export class RequestFailure extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = 'RequestFailure';
    this.code = code;
  }
}

/** What went wrong and what to do, for whoever is in front of the page. */
export function failureText(failure: unknown): string {
  if (!(failure instanceof RequestFailure)) return 'Something went wrong in this page. Reload it.';
  switch (failure.code) {
    case 'offline':
      return 'The page is offline. It reconnects by itself; try again then.';
    case 'no_answer':
      return 'The server did not answer within 10 seconds. What was asked may still happen: look before you ask again.';
    case 'rate_limited':
      return 'This page asked too much at once. Wait a second and try again.';
    case 'unavailable':
      return `The server cannot do this right now: ${failure.message} Try again when its store is back.`;
    case 'thread_not_found':
      return `${failure.message} Search for it by its title or id.`;
    case 'internal':
      return `The server failed at this: ${failure.message} Its log says why.`;
    default:
      return failure.message;
  }
}
