// Package weather makes a network bad for real programs: IP packets are lost, late, doubled and overtake each other.
//
// A test runs itself again as a process in a network namespace of its own ([Apart]), and there calls [Weather.Begin]. What
// the test, and the programs that it starts, send to each other on loopback then goes through the weather:
//
//	a socket of 127.x -> policy routing -> TUN device -> this package: lost, later, twice -> TUN device -> a socket of 127.x
//
// Where the kernel has netem, that does it on the device, and this package hands packets through. Root is needed; nothing
// outside the namespace is touched, and it ends with the process.
//
// Rejected: netem on lo, since the test's own orders to its programs would suffer too, and many kernels lack it.
package weather
