// Package sim is the phone system without phones: a [call.Backend] whose numbers answer, are busy, reject, never answer,
// are offline or drop, each in its own time. It is the sandbox of a HIS vendor, who writes against the real API without a
// phone on the desk, and it makes core testable in milliseconds.
//
// # Numbers
//
// The last two digits of what is dialled say what happens; [Config].Numbers gives other endings to the same behaviours
// by their names. Times are at speed 1; [Config].Speed divides them, but not the limits that core sets.
//
//	ends in  name         what happens
//	00       answers      rings, answers after 1 s; every number that is not in this table does the same
//	01       busy         486, Q.850 17, after 0.2 s
//	02       rejects      rings, 603 after 2 s
//	03       silent       rings until somebody gives up
//	04       offline      no phone is registered: nothing rings
//	05       drops        answers, hangs up 5 s after the two were joined
//	06       early        early media after 0.5 s, answers after 2 s more
//	07       congested    503, Q.850 42, after 0.2 s, before any phone rang: the next way may be tried
//	08       unknown      404, Q.850 1, after 0.2 s
//	09       leaves       answers after 1 s, hangs up 0.1 s later
//	10       unavailable  rings, 480 after 3 s
//	11       forwards     is forwarded (181), rings there, answers after 2 s
//	12       dead         no sign of life until the ring limit
//	13       no_key       answers, presses no key when asked
//	14       deaf         answers, but cannot be joined
//	15       fails        500 after 1 s of ringing
//	16       hesitates    answers after 10 s
//	17       disk_full    answers; what is recorded of its calls fails 2 s after it began
//
// Asked for a key, every phone but no_key presses 1.
//
// # Order and time
//
// Nothing is told from inside an operation: what comes of it follows by a timer, so that a caller sees the same order
// as with a real phone system. Events leave through one queue, which keeps their order per leg and over all legs. There
// is no goroutine per leg: timers alone run, and [Backend.Stop] stops them and waits for those that are running.
//
// # Restart
//
// Nothing of the simulator outlives its process. A leg that was open is told as lost, unless [Config].Restart is "keep":
// then those that had answered go on, as with a phone system that is a process of its own.
package sim
