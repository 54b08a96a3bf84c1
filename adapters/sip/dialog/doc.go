// Package dialog is our own SIP dialog layer (RFC 3261 sections 8.1, 12, 13; RFC 6026): what a dialog knows, and the
// messages that it sends. It is pure: nothing here has a socket, a clock or a goroutine, and every type is a plain value
// that is stored as JSON, because a call outlives the process that placed it.
//
// sipgo's own dialog clients and caches are not used. They acknowledge a 200 only for the caller that still waits (a
// 200 that crosses a CANCEL is a call for ever), take a second 200 of a fork for a repetition of the first, keep the
// remote target of the INVITE after a re-INVITE has moved it, use the dialog's last CSeq in an ACK where the INVITE's
// belongs, and cannot be stored.
//
// Rules that hold here:
//
//   - An ACK carries the CSeq of its own INVITE, whatever was sent since (RFC 3261 section 13.2.2.4).
//   - Every 2xx to an INVITE or UPDATE, and every INVITE or UPDATE of the peer, refreshes the remote target (12.2.1.2).
//   - The route set is fixed when the dialog is confirmed, and never rebuilt (12.1).
//   - A dialog taken up after a restart jumps by 1,000 in CSeq, past whatever the former process sent but did not store.
//   - No byte below 0x20, no 0x7f, no broken UTF-8 gets into a message: the builder refuses them, and a display name is
//     a quoted string with its quotes and backslashes escaped (25.1).
package dialog
