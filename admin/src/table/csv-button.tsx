import { useState } from 'react';
import type { ReactElement } from 'react';
import { failureText } from '../connection/request-failure.ts';
import { useNotice } from '../dialog/notice.tsx';
import { counted, formatCount } from '../format/number.ts';
import { Icon } from '../ui/icon.tsx';
import type { Column } from './column.ts';
import { toCsv } from './csv.ts';
import { download } from './download.ts';
import { fileName } from './file-name.ts';

interface CsvButtonProps<Row> {
  /** Names the file. */
  readonly what: string;
  readonly columns: readonly Column<Row>[];
  /** What is shown, in its order. */
  readonly rows: () => readonly Row[] | Promise<readonly Row[]>;
  /** How many were found, where that may be more. */
  readonly found?: number;
  /** What it saves. */
  readonly says?: string;
}

export function CsvButton<Row>(props: CsvButtonProps<Row>): ReactElement {
  const { what, columns, rows, found = 0, says = 'Saves what this table has, in its order, as a spreadsheet' } = props;
  const [isBusy, setBusy] = useState(false);
  const notice = useNotice();
  const save = async (): Promise<void> => {
    setBusy(true);
    try {
      const all = await rows();
      const isPart = all.length < found;
      const name = isPart ? `${what}-${all.length}-of-${found}` : what;
      download(fileName(name, Date.now()), toCsv(columns, all));
      notice(
        isPart
          ? `${formatCount(all.length)} of ${formatCount(found)} rows exported.`
          : `${counted(all.length, 'row')} exported.`,
      );
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
      title={says}
      onClick={() => {
        if (!isBusy) void save();
      }}
    >
      <Icon name="download" size={15} />
      CSV
    </button>
  );
}
