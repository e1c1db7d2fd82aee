/** An answer of many words, in Markdown: how streamed replies work here. */
export const longAnswer = `# How a streamed reply reaches you

While you read this, its end is still on its way. The text is sent word by word, stored as it comes, and shown in every window that has this thread open. This answer tells how that works. Try things while it runs: open the thread in a second window, reload the page, switch your network off and on, or press Stop. The text should never jump, repeat itself, or lose a word.

## One connection

An app that shows many conversations could open a connection for each of them. That is easy to begin with and hard to live with: ten threads are ten handshakes, ten heartbeats and ten ways to lose touch, and after a break the server is greeted by all of them at once. So there is **one connection**, opened when the app starts, and every thread goes over it.

The connection is plain Socket.IO over a WebSocket. That has two good sides:

- Any Socket.IO client can read along, whatever language it is written in.
- What the server has to say about several threads at the same moment leaves in one write.

The price is that the one connection has to be looked after well. The client notices when it breaks, waits for a time that is left to chance, so that a thousand clients do not come back in the same instant, and opens it again. Each thread then says how far it is, and gets what it missed.

## Threads and seq

A thread is a list of messages, and a list of changes. Every change that lasts takes the next number of its thread, its **seq**: 1, 2, 3 and so on, without a gap. Five things take a number:

1. a message is sent;
2. a message is edited;
3. a message is deleted;
4. a streamed reply begins;
5. a streamed reply ends.

A number without a gap is worth more than it seems. A client that holds seq 41 and sees 43 knows that it missed something, and knows what. A client that was away asks for everything after 41, and is given the latest state of whatever changed. Nobody has to compare clocks, and nobody has to guess.

Each message also keeps the seq with which it was created, as its **position**. The position orders the thread and never changes. An edit gives a message a new seq, and leaves it where it is.

## A reply is a message that grows

There is no second kind of object for streamed text. A reply is a message like any other, with the status \`streaming\` while it is being written. Its content is the text so far. That is why it shows up in the history, why it can be read by someone who opens the thread halfway, and why it survives a reload: it was in the store before it was on your screen.

These are the states in which a message can be:

| Status | Meaning | Does it still change? |
|---|---|---|
| \`streaming\` | It is being written right now. | It grows. |
| \`complete\` | It was written to its end. | Only by an edit. |
| \`cancelled\` | Somebody pressed Stop. | The text so far stays. |
| \`failed\` | Its sender could not go on, and said why. | The text so far stays. |
| \`interrupted\` | Its sender vanished and did not come back in time. | The text so far stays. |
| \`deleted\` | Somebody removed it. | No, it is empty for good. |

A stream always reaches one of the last five. None is left streaming for ever: the sender holds it on a lease, and when the sender is gone and the lease runs out, the server ends it.

## Offsets

The pieces of a reply do not take numbers of their own. There are too many of them, and most are forgotten a moment later. Each piece carries its **offset** instead: the place in the text where it belongs. A reader who holds 120 characters and gets a piece at offset 120 appends it. There are only three cases:

- **The piece begins where the text ends.** Append it.
- **The piece begins earlier.** Part of it is known already. Append only what lies beyond.
- **The piece begins later.** Something is missing. Ask for the message as it is now, and go on from there.

With this rule a piece may come twice and do no harm, and a piece that never came is noticed at once. The same rule holds for whoever writes. A sender that is not sure whether its last piece arrived sends it again, and the server keeps what it did not have.

Offsets count UTF-16 code units, which is what the length of a string means in JavaScript. An emoji may count as two. The server never lets a piece end in the middle of one, so you will not see a broken character flash up at the end of a line. 🙂

## Stored first, then shown

The order of things matters more than their speed. For every message, and for every piece of a reply, the server does this:

1. It checks that the sender may write here, and that the piece fits.
2. It writes the text to the store and waits until the store says that it is safe.
3. Only then does it tell the readers, and answer the sender.

So what you have seen is never taken back. If the server is killed in the middle of this sentence, the words on your screen are in the store, because they would not be on your screen otherwise. After the restart the reply continues behind the last stored word.

This could be slow if every word were written alone. It is not, because the server gathers what arrives within a few hundredths of a second, for all streams together, and writes it in one go. The first piece of a reply does not wait for the others. You see the beginning at once, and after that you read text at a steady pace.

## When something breaks

Things break in a few ways, and each has its own answer.

### Your connection breaks

The page keeps what it has. When it is connected again, each open thread asks for the changes after the last seq it saw. A reply that went on meanwhile comes with all its text, and from then on it grows as before. Messages that you wrote while offline wait in the page and are sent when there is a connection. Each has an id of its own, so that a message which did arrive, though its answer did not, is not stored again.

### The sender breaks

A program that writes a reply may crash, or lose its network. Its stream stays open for a while, half a minute unless configured otherwise. If the program comes back and starts a stream with the same id, it is told how far the text got:

\`\`\`json
{ "ok": true, "data": { "message": { "status": "streaming" }, "offset": 1874, "resumed": true } }
\`\`\`

It goes on from that offset. If it does not come back, the reply becomes \`interrupted\`, with the text that was there.

### The server stops

A server that is told to stop takes no new work, answers what it has begun, and lets its clients go in small groups. They come back to the next one. A server that is killed without warning has nothing left to do: all that it ever confirmed is in the store.

### You are too slow

Somebody on a train may not be able to read as fast as a reply is written. The server does not let the text pile up without limit. It skips pieces for that reader, remembers where, and sends the missing text when the line is free again. The other readers notice nothing.

## Stop

The Stop button is a request like any other. Whoever may write in the thread may stop a reply, not only the one who asked for it. The server ends the message as \`cancelled\`, tells the readers, and tells the sender, so that a model does not go on computing what nobody will read. If the reply had ended in the same moment, it stays as it ended, and the button has done nothing. Pressing it twice does nothing more.

## What to try now

- Send \`/slow\` and reload the page while the words come.
- Send \`/slow\` again and stop the server, then start it and watch the reply go on.
- Send \`/code\` to see how a program takes part in this thread.
- Send \`/fail\` to see what a reply looks like that could not be finished.
- Open the thread in two windows, and stop in one of them what was asked for in the other.

> A good stream is one that you can forget about: the words are there, in order, once.

That was the last section. This message is now \`complete\`, it has its final seq, and it will look the same when you come back tomorrow.
`;
