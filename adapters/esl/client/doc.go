// Package client speaks FreeSWITCH's event socket (mod_event_socket): one connection that carries commands, their replies and
// events, and the outbound one on which a dialplan hands us a call.
//
// Of percipia/eslgo the command types are used. Its connection is not: it hands a reply to whoever reads first, and after one
// command that timed out to the wrong one for ever; it tells events on a goroutine each, out of order; a cut inside of an event
// and a content type that it does not know leave it deaf without a word; a negative length ends the process. Here one
// goroutine reads, commands wait in a queue first in first out, and one that has given up keeps its place in it.
//
// Events are handed over on the goroutine that reads: whoever takes them must not block. If they come faster than they are
// taken, they wait in FreeSWITCH (100,000 of them, then it drops some and closes): nothing grows here.
package client
