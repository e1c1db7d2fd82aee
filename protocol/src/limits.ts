/** Sizes and counts that every part of Threadwire agrees on. Bytes are UTF-8 bytes unless a name says otherwise. */
export const limits = {
  /** Version of this protocol, as sent in the CONNECT auth object. */
  protocolVersion: 1,
  /** A WebSocket frame or an HTTP body above this many bytes is refused; a frame closes the connection (code 1009). */
  maxFrameBytes: 1024 * 1024,
  /** A message's content when sent or edited. */
  maxContentBytes: 64 * 1024,
  /** A streamed message's whole text, in UTF-16 code units. */
  maxStreamLength: 256 * 1024,
  /** A thread's title, in Unicode code points. */
  maxTitleLength: 200,
  /** Ids in a thread's `members`. */
  maxMembers: 1000,
  /** Metadata, as compact JSON. */
  maxMetadataBytes: 8 * 1024,
  /** Levels of objects and arrays in metadata; the metadata object itself is the first. */
  maxMetadataDepth: 8,
  /** A stream's `error` text and a cancel's `reason`. */
  maxReasonBytes: 1024,
  /** Entries of one `subscribe_threads`. */
  maxSubscribeBatch: 1000,
  /** Messages on one history page. */
  maxHistoryPage: 200,
  defaultHistoryPage: 50,
  /** More changes than this since `after_seq` are not replayed: the answer is the newest page, `recovered: false`. */
  maxRecoverableChanges: 500,
  /** JSON bytes of `messages` in one history answer (one message is always sent). */
  maxHistoryBytes: 512 * 1024,
  /** JSON bytes of `messages` in all entries of one `subscribe_threads` answer. */
  maxSubscribeBytes: 1024 * 1024,
  maxStreamsPerThread: 8,
  maxStreamsPerConnection: 100,
  maxListPage: 100,
  defaultListPage: 50,
} as const;
