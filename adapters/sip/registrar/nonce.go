package registrar

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/netip"
	"strconv"
	"sync"
	"time"
)

const (
	nonceBody  = 16      // bytes: 8 of time in milliseconds, 8 random
	nonceBytes = 16 + 16 // and the first 16 of the MAC
	mostNonces = 1 << 16 // remembered at once: about 6 MB
)

// nonces makes and checks the server's nonces. A nonce is good from the site that it was sent to: whoever answers with
// it has received what we sent there, so that nobody fails in another's name. Safe for concurrent use.
type nonces struct {
	key  [32]byte
	life time.Duration
	now  func() time.Time

	mu    sync.Mutex
	most  int
	used  map[[nonceBody]byte]counts
	floor time.Time // nonces issued until then are stale, since their counts were forgotten
}

// counts says which nonce counts of a nonce were used: the highest, and a bit for each of the 63 below it, because UDP
// reorders.
type counts struct {
	top  uint32
	bits uint64
}

func newNonces(life time.Duration, now func() time.Time) *nonces {
	n := &nonces{life: life, now: now, most: mostNonces, used: map[[nonceBody]byte]counts{}}
	_, _ = rand.Read(n.key[:]) // never fails: crypto/rand ends the process instead
	return n
}

// issue returns a new nonce for a source.
func (n *nonces) issue(source netip.Addr) string {
	var b [nonceBody]byte
	binary.BigEndian.PutUint64(b[:8], uint64(n.now().UnixMilli()))
	_, _ = rand.Read(b[8:])
	return base64.RawURLEncoding.EncodeToString(append(b[:], n.mac(b, source)...))
}

func (n *nonces) mac(b [nonceBody]byte, source netip.Addr) []byte {
	h := hmac.New(sha256.New, n.key[:])
	h.Write(b[:])
	h.Write(site(source).AsSlice())
	return h.Sum(nil)[:nonceBytes-nonceBody]
}

// young reports whether a nonce was sent to the source, and not too long ago.
func (n *nonces) young(nonce string, source netip.Addr) bool {
	_, issued, ok := n.open(nonce, source)
	now := n.now()
	return ok && !issued.After(now) && now.Sub(issued) < n.life
}

// use takes a nonce count of credentials whose nonce is young and whose response is right, and reports whether they
// are fresh: the count was not used before. Without qop there is no count, and the nonce is good once.
func (n *nonces) use(c credentials, source netip.Addr) bool {
	body, issued, ok := n.open(c.nonce, source)
	if !ok {
		return false
	}
	nc, err := strconv.ParseUint(c.nc, 16, 32)
	if c.qop != "" && (err != nil || nc == 0) {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if !issued.After(n.floor) {
		return false
	}
	have, known := n.used[body]
	next, fresh := have.with(uint32(nc))
	if c.qop == "" {
		next, fresh = counts{top: ^uint32(0), bits: ^uint64(0)}, !known
	}
	if fresh {
		n.remember(body, next, n.now())
	}
	return fresh
}

func (n *nonces) open(nonce string, source netip.Addr) (body [nonceBody]byte, issued time.Time, ok bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(nonce)
	if err != nil || len(b) != nonceBytes {
		return body, issued, false
	}
	copy(body[:], b)
	ms := binary.BigEndian.Uint64(body[:8])
	return body, time.UnixMilli(int64(ms)), hmac.Equal(n.mac(body, source), b[nonceBody:])
}

// with returns the counts after the use of nc; false if it was used, or lies too far back to know.
func (c counts) with(nc uint32) (counts, bool) {
	if nc > c.top {
		c.bits = c.bits<<min(nc-c.top, 64) | 1 // a shift by 64 clears all
		c.top = nc
		return c, true
	}
	bit := uint64(1) << min(c.top-nc, 64)
	if bit == 0 || c.bits&bit != 0 {
		return c, false
	}
	c.bits |= bit
	return c, true
}

// remember stores the counts. When the table is full of living nonces it is emptied, and every nonce issued so far
// becomes stale: each phone answers one more challenge, and nothing can be replayed.
func (n *nonces) remember(body [nonceBody]byte, c counts, now time.Time) {
	if _, ok := n.used[body]; !ok && len(n.used) >= n.most {
		n.forgetOld(now)
		if len(n.used) > n.most/2 {
			clear(n.used)
			n.floor = now
			return
		}
	}
	n.used[body] = c
}

func (n *nonces) forgetOld(now time.Time) {
	for body := range n.used {
		issued := time.UnixMilli(int64(binary.BigEndian.Uint64(body[:8])))
		if now.Sub(issued) >= n.life {
			delete(n.used, body)
		}
	}
}
