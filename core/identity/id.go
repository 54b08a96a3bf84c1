package identity

import (
	"crypto/rand"
	"encoding/hex"
	"strings"
	"time"
)

// NewID returns a new UUIDv7 (RFC 9562 section 5.7) in lower-case text. Safe for concurrent use.
func NewID() string {
	var b [16]byte
	ms := time.Now().UnixMilli()
	_, _ = rand.Read(b[6:]) // never fails: crypto/rand ends the process instead
	for i := range 6 {
		b[i] = byte(ms >> (40 - 8*i))
	}
	b[6] = b[6]&0x0f | 0x70
	b[8] = b[8]&0x3f | 0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// Origin names who made a leg: an installation and one node of it. It is the prefix of every leg id, so that a
// backend shared by several installations shows whose leg is whose. Both are 1 to 16 of [a-z0-9].
type Origin struct {
	Installation string
	Node         string
}

// LegID returns a new leg id, "installation-node-UUIDv7": of [A-Za-z0-9-] only, fit for a Call-ID, an ARI
// channelId and a FreeSWITCH UUID variable.
func (o Origin) LegID() string { return o.Prefix() + NewID() }

// Made reports whether a leg id is of this installation and node.
func (o Origin) Made(legID string) bool { return strings.HasPrefix(legID, o.Prefix()) }

// Prefix is what each leg id of this installation and node begins with.
func (o Origin) Prefix() string { return o.Installation + "-" + o.Node + "-" }
