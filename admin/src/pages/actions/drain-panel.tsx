import type { ReactElement } from 'react';
import { useLink } from '../../connection/link-context.ts';
import { useConfirm } from '../../dialog/confirm.tsx';
import { counted } from '../../format/number.ts';
import { useNodeHistory } from '../../nodes/use-node-history.ts';
import { drainQuestion } from '../../operations/node-questions.tsx';
import { UserText } from '../../ui/user-text.tsx';

/** Takes the node out of service. */
export function DrainPanel(): ReactElement {
  const link = useLink();
  const confirm = useConfirm();
  const nodes = useNodeHistory().nodes.filter(({ isThere }) => isThere);
  const [own] = nodes;
  const last = own?.samples.at(-1);
  return (
    <section className="panel" aria-labelledby="drain-title">
      <h2 id="drain-title">Drain this node</h2>
      <p className="hint">
        For a deploy or a repair: clients are sent elsewhere, running work is finished, the process ends.
      </p>
      <p className="panel-fact">
        {nodes.length === 1 && own ? (
          <>
            <UserText text={`${own.line.host}#${own.line.pid}`} className="strong" />
            {last && `: ${counted(last.connections, 'connection')}, ${counted(last.streams, 'stream')}`}
          </>
        ) : (
          `${counted(nodes.length, 'node')}: the one that this page is connected to`
        )}
      </p>
      <button
        type="button"
        className="button"
        data-kind="harm"
        disabled={own?.line.is_draining === true && nodes.length === 1}
        onClick={() => confirm(drainQuestion(link, nodes))}
      >
        {own?.line.is_draining === true && nodes.length === 1 ? 'Draining' : 'Drain this node…'}
      </button>
    </section>
  );
}
