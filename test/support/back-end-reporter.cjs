const { missingRequirements } = require('./requirements.cjs');

/** Says at the end of a run, by name, what could not be tested here: nothing is left out quietly. */
class BackEndReporter {
  #missing = [];

  /** After the global set-up, before its teardown: what it started is known, and still there. */
  onRunStart() {
    this.#missing = missingRequirements();
  }

  onRunComplete() {
    for (const { title, reason } of this.#missing) {
      process.stderr.write(`not run: ${title} — ${reason}\n`);
    }
  }
}

module.exports = BackEndReporter;
