// Package pbx starts, for the tests, what others wrote: PostgreSQL, Asterisk, FreeSWITCH, Kamailio, baresip and linphone as telephones
// with sound, sipp as a telephone that misbehaves, tshark to read what they said. Each is a process of the test's own, in a folder and
// on a loopback address of its own, and ends with the test, even when the test is killed. What is not installed skips the test,
// which says how to get it; where C2D_REQUIRE names it, as in CI, the test fails.
package pbx
