import { expect } from '@jest/globals';
import { source as axeSource } from 'axe-core';
import type { AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';

/** What axe-core holds to be serious or critical, each as its rule and where it was broken. */
export async function seriousFaults(page: Page): Promise<string[]> {
  // Evaluated from outside, which the page's content security policy does not forbid.
  await page.evaluate(axeSource);
  const { violations, passes } = await page.evaluate<AxeResults>('axe.run()');
  // It has seen something.
  expect(passes.map(({ id }) => id)).toEqual(expect.arrayContaining(['button-name', 'color-contrast']));
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${id} at ${target.join(' ')}: ${failureSummary}`),
    );
}
