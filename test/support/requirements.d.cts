export interface Requirement {
  /** What the people who read a test run call it. */
  readonly title: string;
  /** Why it is not here, or undefined. */
  readonly missing: () => string | undefined;
}

/** By the name that `THREADWIRE_REQUIRE` knows each by. */
export const requirements: Readonly<Record<'mongodb' | 'python' | 'curl' | 'chromium', Requirement>>;

/** Everything that is not here. */
export function missingRequirements(): { name: string; title: string; reason: string }[];

/** The Chromium of this machine, or undefined. */
export function chromium(): string | undefined;

/** The first Python that can import all these modules, or undefined. */
export function pythonWith(...modules: string[]): string | undefined;
