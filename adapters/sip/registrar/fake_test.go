package registrar

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"

	"c2d/core/fault"
	"c2d/core/user"
)

// memory is both stores in memory. Methods of user.Store that the registrar has no business with are nil and panic.
type memory struct {
	user.Store
	mu       sync.Mutex
	devices  []user.Device
	bindings []user.Binding
	down     bool // every call fails
	writes   int
}

var errDown = fault.Wrap(fault.CodeStoreUnavailable, errors.New("disk gone"), "the store is down")

func (m *memory) find(is func(user.Device) bool) (user.Device, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return user.Device{}, errDown
	}
	for _, d := range m.devices {
		if is(d) {
			return d, nil
		}
	}
	return user.Device{}, fault.New(fault.CodeNotFound, "no such device")
}

func (m *memory) DeviceByCredentials(_ context.Context, tenant, username string) (user.Device, error) {
	return m.find(func(d user.Device) bool {
		return d.Tenant == tenant && d.Credentials != nil && d.Credentials.Username == username
	})
}

func (m *memory) DeviceByAddress(_ context.Context, tenant, address string) (user.Device, error) {
	return m.find(func(d user.Device) bool { return d.Tenant == tenant && d.Address == address })
}

func (m *memory) Bindings(_ context.Context, tenant, aor string, now time.Time) ([]user.Binding, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return nil, errDown
	}
	var found []user.Binding
	for _, b := range m.bindings {
		if b.Tenant == tenant && b.AOR == aor && b.ExpiresAt.After(now) {
			found = append(found, b)
		}
	}
	slices.SortStableFunc(found, func(a, b user.Binding) int { return b.UpdatedAt.Compare(a.UpdatedAt) })
	return found, nil
}

func (m *memory) PutBindings(_ context.Context, tenant, aor string, put, remove []user.Binding) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return errDown
	}
	m.writes++
	gone := func(b user.Binding) bool {
		same := func(o user.Binding) bool {
			return o.Contact == b.Contact || b.Instance != "" && o.Instance == b.Instance && o.RegID == b.RegID
		}
		return b.Tenant == tenant && b.AOR == aor && (slices.ContainsFunc(put, same) ||
			slices.ContainsFunc(remove, func(o user.Binding) bool { return o.Contact == b.Contact }))
	}
	m.bindings = append(slices.DeleteFunc(m.bindings, gone), put...)
	return nil
}

func (m *memory) setDown(down bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.down = down
}

const realm = "hospital.example"

func device(name, password string) user.Device {
	text := []byte(name + ":" + realm + ":" + password)
	m, s := md5.Sum(text), sha256.Sum256(text)
	return user.Device{ID: "id-" + name, Tenant: "main", Address: "sip:" + name + "@" + realm, Credentials: &user.Credentials{
		Username: name, Realm: realm, HA1MD5: hex.EncodeToString(m[:]), HA1SHA256: hex.EncodeToString(s[:])}}
}

// house is a registrar with its stores and a clock that the test moves.
type house struct {
	*Registrar
	store *memory
	clock time.Time
}

func newHouse(t *testing.T, cfg Config) *house {
	t.Helper()
	h := &house{clock: time.Date(2026, 11, 22, 8, 15, 30, 0, time.UTC)}
	h.store = &memory{devices: []user.Device{device("harry", "alohomora"), device("mary", "s3cret")}}
	cfg.Domains = []string{realm, "192.0.2.1"}
	if cfg.Digest == nil {
		cfg.Digest = []string{"SHA-256", "MD5"}
	}
	h.Registrar = New(cfg, h.store, h.store, func() time.Time { return h.clock })
	return h
}

var (
	harrysPhone = netip.MustParseAddrPort("198.51.100.7:5062")
	marysPhone  = netip.MustParseAddrPort("198.51.100.8:5062")
)

// parse reads a request whose lines a test wrote with bare line feeds.
func parse(t *testing.T, text string) *sip.Request {
	t.Helper()
	text = strings.ReplaceAll(strings.TrimSpace(text), "\n", "\r\n") + "\r\n\r\n"
	m, err := sip.ParseMessage([]byte(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return m.(*sip.Request)
}

// client signs requests as a phone with a password does; icholy/digest is an implementation that is not ours.
type client struct {
	name, password string
	alg            string // the challenge that it takes: SHA-256 or MD5
	noQOP          bool   // an old phone that does not know qop
}

func (c client) sign(t *testing.T, req *sip.Request, challenged *sip.Response, count int) {
	t.Helper()
	ch := userDigest
	if challenged.StatusCode == sip.StatusProxyAuthRequired {
		ch = proxyDigest
	}
	for _, h := range challenged.GetHeaders(ch.challenge) {
		chal, err := digest.ParseChallenge(h.Value())
		if err != nil {
			t.Fatal(err)
		}
		if chal.Algorithm != c.alg {
			continue
		}
		if c.noQOP {
			chal.QOP = nil
		}
		cred, err := digest.Digest(chal, digest.Options{Method: req.Method.String(), URI: req.Recipient.Addr(), Username: c.name, Password: c.password, Count: count})
		if err != nil {
			t.Fatal(err)
		}
		for req.RemoveHeader(ch.answer) {
		}
		req.AppendHeader(sip.NewHeader(ch.answer, cred.String()))
		return
	}
	t.Fatalf("%s is not offered in\n%s", c.alg, challenged)
}

// register sends a REGISTER, answers the challenge, and returns the last response.
func (h *house) register(t *testing.T, c client, source netip.AddrPort, text string) *sip.Response {
	t.Helper()
	res := h.Register(t.Context(), parse(t, text), source, "UDP")
	if res.StatusCode != sip.StatusUnauthorized {
		return res
	}
	req := parse(t, text)
	c.sign(t, req, res, 1)
	return h.Register(t.Context(), req, source, "UDP")
}

var harry = client{name: "harry", password: "alohomora", alg: "SHA-256"}

// registerText is a REGISTER of harry's phone with more header lines.
func registerText(callID string, cseq string, lines ...string) string {
	return strings.Join(append([]string{
		"REGISTER sip:hospital.example SIP/2.0",
		"Via: SIP/2.0/UDP 198.51.100.7:5062;branch=z9hG4bK1",
		"Max-Forwards: 70",
		"From: <sip:harry@hospital.example>;tag=a",
		"To: <sip:harry@hospital.example>",
		"Call-ID: " + callID,
		"CSeq: " + cseq + " REGISTER",
	}, lines...), "\n")
}

// contacts returns the Contact values of a response.
func contacts(res *sip.Response) []string {
	var all []string
	for _, h := range res.GetHeaders("Contact") {
		all = append(all, h.Value())
	}
	return all
}
