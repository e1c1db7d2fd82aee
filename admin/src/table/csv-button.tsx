import { useState } from 'react';
import type { ReactElement } from 'react';
import { failureText } from '../connection/request-failure.ts';
import { useNotice } from '../dialog/notice.tsx';
import { counted } from '../format/number.ts';
import { Icon } from '../ui/icon.tsx';
import type { Column } from './column.ts';
import { toCsv } from './csv.ts';
import { download } from './download.ts';
import { fileName } from './file-name.ts';

interface CsvButtonProps<Row> {
  /** Names the file. */
  readonly what: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: () => readonly Row[] | Promise<readonly Row[]>;
}

export function CsvButton<Row>({ what, columns, rows }: CsvButtonProps<Row>): ReactElement {
  const [isBusy, setBusy] = useState(false);
  const notice = useNotice();
  const save = async (): Promise<void> => {
    setBusy(true);
    try {
      const all = await rows();
      download(fileName(what, Date.now()), toCsv(columns, all));
      notice(`${counted(all.length, 'row')} exported.`);
    } catch (failure) {
      notice(`Nothing was exported. ${failureText(failure)}`, 'bad');
    } finally {
      setBusy(false);
    }
  };
  return (
    <button
      type="button"
      className="button"
      aria-disabled={isBusy}
      title="Saves what was found, as a spreadsheet"
      onClick={() => {
        if (!isBusy) void save();
      }}
    >
      <Icon name="download" size={15} />
      CSV
    </button>
  );
}
