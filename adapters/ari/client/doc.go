// Package client speaks the Asterisk REST Interface: requests over HTTP, events over one websocket (Asterisk 20 and newer).
// It knows nothing of calls.
//
// Types are those of CyCoreSystems/ari v5; its decoding of events is for the types that are not asked for, since it reads each
// several times. Its own client is not used, since runs have shown that
//
//   - one event of a type that it does not know ends the process;
//   - Connect does not return when Asterisk is absent or the password is wrong, and says neither;
//   - no request has a limit in time, and a half-open websocket is never noticed;
//   - its bus drops events when a subscriber is slow, and tells nobody that the connection was lost or is back;
//   - ids and values are pasted into URLs as they are, and the body that says why Asterisk refused is thrown away;
//   - what Asterisk has added since (tech_cause, ChannelTransfer) is not in its types: [Event] has it.
package client
