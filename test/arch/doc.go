// Package arch holds the house rules that a compiler does not check: who may import whom, how long a file may be, and
// that every package says what it is for. Its tests read the source; they build nothing.
package arch
