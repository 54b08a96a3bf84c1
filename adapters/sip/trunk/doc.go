// Package trunk is what a SIP trunk knows that a phone does not: who may be shown to whom, whose word about a caller is
// believed, and the client's side of digest (RFC 7616, RFC 8760). It is pure: it opens nothing and waits for nobody; the stack
// registers, asks for health and calls. How the carrier wants its numbers written is [identity.Format].
//
// Who is shown to the carrier: the number that the call asks for, if the trunk's list allows it; else the trunk's own; else
// nobody. Never the callee's own number. Names are not shown unless the trunk says so. Of who calls us the asserted number is
// taken where that is configured, and nobody where the caller asks for privacy: behind us are phones (RFC 3325 section 5).
//
// A number that comes in loses the carrier's prefix, and becomes E.164 where the carrier writes bare digits. A national one stays
// as it is: core reads it by the hospital's plan, as it reads what people type, so that there is one reading of numbers.
//
// Digest is computed here, not by the library: sipgo answers the first challenge only, cannot do MD5-sess, and leaves the
// parameters of the Request-URI out of the digest's uri (measured).
package trunk
