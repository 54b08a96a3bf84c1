// Package calltest is the conformance suite of call control: what a call does, told as tests, for every [call.Backend],
// real or fake. A backend's own tests call [Run] with a [Harness] that scripts its phones and says what it can.
//
// The suite drives a real [call.Runner] on a real or an in-memory store. Between the runner and the backend it puts a
// wire, on which events are repeated, delayed and reordered, and which goes dead when our process is killed.
//
//	suite -> call.Runner -> wire -> backend -> phone system <- phones <- harness <- suite
//	              |
//	            store
//
// A behaviour is a named subtest, and one row of the matrix that `make conformance` prints; a backend is a column. Each
// behaviour ends with the same demands: every call has one end, no leg is left in its record, in the runner or in the
// backend, every phone is at rest, and none was rung twice.
//
// The events and end reasons that a behaviour expects are the same for every backend, but for this table of what one
// cannot tell apart. A harness declares its row as [Abilities].Coarse; the cell then reads "pass (coarse)".
//
//	backend                    what happened    told as
//	sim                        -                -
//	native SIP                 -                -
//	native SIP, real phones    rejected         busy, where baresip's owner refuses: it says 486
//	Asterisk, both forms       who says what    both, in one channel of a recording ([Abilities].Mixed)
//
// # Time
//
// Limits of core are not waited for: the runner's clock is put forward. What a phone or a backend does is waited for as
// an event with a deadline, so that the suite runs as well in a testing/synctest bubble as over real sockets.
package calltest
