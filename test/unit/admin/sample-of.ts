import type { Sample } from '../../../admin/src/connection/protocol.ts';

/** The sample of a node that is well. */
export function sampleOf(fields: Partial<Sample>): Sample {
  return {
    at: 0,
    connections: 0,
    subscriptions: 0,
    streams: 0,
    messages: 0,
    changes: 0,
    deliveries: 0,
    errors: 0,
    slow_consumers: 0,
    received_bytes: 0,
    sent_bytes: 0,
    buffered_bytes: 0,
    loop_delay_ms: 10,
    rss_bytes: 0,
    heap_bytes: 0,
    is_store_up: true,
    is_broker_up: null,
    ...fields,
  };
}
