import { useMemo } from 'react';
import type { ReactElement } from 'react';
import { useLink } from '../../connection/link-context.ts';
import type { ConsoleAnswers } from '../../connection/protocol.ts';
import { useConfirm } from '../../dialog/confirm.tsx';
import { disconnectUserQuestion } from '../../operations/user-questions.tsx';
import { hrefOf } from '../../route.ts';
import type { Column } from '../../table/column.ts';
import { DataTable } from '../../table/data-table.tsx';
import { useSort } from '../../table/use-sort.ts';
import { UserText } from '../../ui/user-text.tsx';

type Subscriber = ConsoleAnswers['thread']['subscribers'][number];

interface SubscriberTableProps {
  readonly subscribers: readonly Subscriber[] | undefined;
  readonly onDone: () => void;
}

/** Who follows a thread, by how many connections. */
export function SubscriberTable({ subscribers, onDone }: SubscriberTableProps): ReactElement {
  const link = useLink();
  const confirm = useConfirm();
  const [sort, setSort] = useSort('-connections', 'users');
  const columns = useMemo(
    (): readonly Column<Subscriber>[] => [
      {
        key: 'user',
        title: 'User',
        value: ({ user_id }) => user_id,
        cell: ({ user_id }) => (
          <a className="row-link" href={hrefOf('connections', undefined, { q: user_id })} title="Its connections">
            <UserText text={user_id} />
          </a>
        ),
      },
      {
        key: 'connections',
        title: 'Connections',
        isNumber: true,
        width: 8,
        value: ({ connections }) => connections,
      },
      {
        key: 'do',
        title: 'Actions',
        isAction: true,
        width: 9,
        value: () => null,
        cell: ({ user_id }) => (
          <button
            type="button"
            className="row-button"
            onClick={() => {
              const question = disconnectUserQuestion(link, user_id);
              confirm({ ...question, run: async (reason) => question.run(reason).finally(onDone) });
            }}
          >
            Disconnect user
          </button>
        ),
      },
    ],
    [link, confirm, onDone],
  );
  return (
    <DataTable
      caption="Subscribers by user"
      columns={columns}
      rows={subscribers}
      keyOf={({ user_id }) => user_id}
      sort={sort}
      onSort={setSort}
      empty="Nobody follows it on this node."
    />
  );
}
