import type { ReactNode } from 'react';

export type CellValue = string | number | null;

/** One column of a table of rows. */
export interface Column<Row> {
  readonly key: string;
  readonly title: string;
  /** What the title does not say. */
  readonly hint?: string;
  /** By what it is ordered; null comes last. */
  readonly value: (row: Row) => CellValue;
  /** What is shown, where it is not the value. */
  readonly cell?: (row: Row) => ReactNode;
  /** Its head in a spreadsheet, where it is not the title: with the unit. */
  readonly csvTitle?: string;
  /** What a spreadsheet gets, where it is not the value. */
  readonly csv?: (row: Row) => CellValue;
  /** Numbers stand below each other. */
  readonly isNumber?: boolean;
  /** (rem) The widest column has none: it takes what is left. */
  readonly width?: number;
  /** Whether the highest are looked for first; of numbers they are. */
  readonly isHighestFirst?: boolean;
  /** In spreadsheets only. */
  readonly isHidden?: boolean;
  /** Of what is done to a row: in no spreadsheet. */
  readonly isAction?: boolean;
}

export interface Sort {
  readonly key: string;
  readonly isDescending: boolean;
}
