import { Agent, request } from 'node:http';

const perSecond = 100;
const body = 'username=admin&password=guess';

/** Guesses an operator's password, a hundred times a second, from as many addresses of this machine. */
export class LoginFlood implements AsyncDisposable {
  readonly #agents = Array.from({ length: perSecond }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
  readonly #port: number;
  readonly #timer: NodeJS.Timeout;
  readonly #beganAt = performance.now();
  #sent = 0;
  #answered = 0;
  #failure: Error | undefined;

  constructor(port: number) {
    this.#port = port;
    this.#timer = setInterval(() => {
      while (this.#sent < ((performance.now() - this.#beganAt) / 1000) * perSecond) this.#guess(this.#sent++);
    }, 10);
  }

  /** How many guesses have been answered. */
  get answered(): number {
    return this.#answered;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    for (const agent of this.#agents) agent.destroy();
    if (this.#failure) throw this.#failure;
    // The last ones may be under way.
    if (this.#answered < this.#sent * 0.9) throw new Error(`${this.#answered} of ${this.#sent} guesses were answered`);
  }

  #guess(n: number): void {
    const sent = request(
      {
        agent: this.#agents[n % perSecond]!,
        host: '127.0.0.1',
        port: this.#port,
        // Elsewhere loopback has one address.
        ...(process.platform === 'linux' && { localAddress: `127.0.1.${(n % perSecond) + 1}` }),
        method: 'POST',
        path: '/admin/login',
        headers: {
          'Content-Type': 'application/x-www-form-urlencoded',
          'Content-Length': body.length,
          Accept: 'application/json',
        },
      },
      (response) => {
        response.resume();
        // Wrong, or too many of them.
        if (response.statusCode === 401 || response.statusCode === 429) this.#answered += 1;
        else this.#failure ??= new Error(`a guess was answered ${response.statusCode}`);
      },
    );
    sent.on('error', (error: NodeJS.ErrnoException) => {
      // Of what was under way when its agent was destroyed.
      if (error.code !== 'ECONNRESET') this.#failure ??= error;
    });
    sent.end(body);
  }
}
