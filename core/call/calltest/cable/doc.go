// Package cable is how a scripted phone system is reached: by a [net.Pipe], so that a test with one in it can run in a
// testing/synctest bubble, where three seconds of busy tone take none; over a cable that can be cut. All of it is safe for
// concurrent use.
package cable
