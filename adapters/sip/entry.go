package sip

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/emiago/sipgo/sip"

	"c2d/adapters/sip/dialog"
	"c2d/adapters/sip/trunk"
	"c2d/core/fault"
	"c2d/core/identity"
)

// Entry is one configured backend of kind sip. One without a proxy is the house: the phones that are registered here. One
// with a proxy is a trunk: any number, through a carrier, a PBX or an SBC. All but Relay and Flow is for trunks.
type Entry struct {
	Name     string          `yaml:"name"`
	Kind     string          `yaml:"kind"`
	Relay    bool            `yaml:"relay"`    // never redirect its phones: they are on another network than the rest
	Flow     Flow            `yaml:"flow"`     // of the INVITEs to its phones: anchored (default), black-hole, III, IV
	Proxy    string          `yaml:"proxy"`    // next hop, "sip:sbc.carrier.example:5060;transport=tcp"
	Domain   string          `yaml:"domain"`   // in From, To and Request-URI; empty is the proxy's host
	Register bool            `yaml:"register"` // the carrier learns by REGISTER where we are
	Expires  int             `yaml:"expires"`  // seconds that REGISTER asks for; 0 is 600
	User     string          `yaml:"user"`     // for digest and REGISTER
	Password string          `yaml:"password"`
	CA       string          `yaml:"ca"` // PEM file of whoever signs the proxy's certificate; empty is whom the system trusts
	Out      identity.Format `yaml:"out"`
	In       identity.Format `yaml:"in"`
	Present  trunk.Present   `yaml:"present"`
	Trust    []trunk.Trust   `yaml:"trust"` // where its calls come from; without it none do

	// The IP address by which the carrier's side reaches us when a NAT is between, in Via, Contact and session descriptions;
	// the NAT keeps our ports. All audio of the trunk goes through us then. Empty is sip.advertise and media.advertise.
	Advertise string `yaml:"advertise"`

	// What a call does when an address of the proxy is silent: "" ends it, since a phone may ring; "next" tries the next
	// address or trunk, and releases what answers late.
	OnSilence string `yaml:"on_silence"`
}

const onSilenceNext = "next"

// Trunk reports whether the entry reaches any number, not only phones registered here.
func (e Entry) Trunk() bool { return e.Proxy != "" }

// next is where a trunk's requests go.
type next struct {
	host      string
	port      int    // 0 is that of the transport, or what DNS says
	transport string // udp, tcp, tls
	pinned    bool   // the configuration names the transport
	open      bool   // it names neither transport nor port: NAPTR may choose
	speaks    []string
}

// next reads the proxy's URI; listen are the addresses that we listen on.
func (e Entry) next(listen []string) (next, error) {
	var u sip.Uri
	if _, err := dialog.ParseURI("proxy", e.Proxy); err != nil || sip.ParseUri(e.Proxy, &u) != nil || !hostname(u.Host) {
		return next{}, errors.New(`must be a URI such as "sip:sbc.example:5060;transport=tcp"`)
	}
	_, named := u.UriParams.Get("transport")
	n := next{host: u.Host, port: u.Port, transport: strings.ToLower(u.UriParams.GetOr("transport", "udp")), pinned: named}
	n.open = !named && u.Port == 0 && net.ParseIP(u.Host) == nil
	if u.Scheme == "sips" {
		n.transport, n.pinned = "tls", true
	}
	if !slices.Contains(transports, n.transport) {
		return n, errors.New("its transport must be udp, tcp or tls")
	}
	n.speaks = slices.DeleteFunc(slices.Clone(transports), func(transport string) bool {
		ours := slices.ContainsFunc(listen, func(l string) bool { return strings.HasPrefix(l, transport+":") })
		return !ours || (n.pinned || !n.open) && transport != n.transport
	})
	if len(n.speaks) == 0 {
		return n, errors.New("sip.listen has no " + n.transport)
	}
	n.transport = n.speaks[0]
	return n, nil
}

// transports are those that a trunk may be reached over, the usual first.
var transports = []string{"udp", "tcp", "tls"}

// validate returns what is wrong with the entry; field is its key in the file.
func (e Entry) validate(field string, listen []string) (errs []error) {
	bad := func(key, text string) { errs = append(errs, fault.Field(fault.CodeInvalid, field+key, "%s", text)) }
	if !e.Flow.known() {
		bad(".flow", "must be anchored, black-hole, III or IV")
	}
	if !e.Trunk() {
		if e.Register || e.User != "" || e.Password != "" || e.Domain != "" || e.OnSilence != "" || e.Advertise != "" || len(e.Trust) > 0 ||
			e.Expires != 0 || e.CA != "" || e.Out != (identity.Format{}) || e.In != (identity.Format{}) || e.Present.Set() {
			bad(".proxy", "is needed for a trunk; a backend of phones registered here has only name, relay and flow")
		}
		return errs
	}
	if _, err := e.next(listen); err != nil {
		bad(".proxy", err.Error())
	}
	if e.OnSilence != "" && e.OnSilence != onSilenceNext {
		bad(".on_silence", "must be next, or nothing")
	}
	if e.Domain != "" && !hostname(e.Domain) {
		bad(".domain", "must be a domain name or an IP address")
	}
	if e.Register && !userPart(e.User) || e.Register && e.User == "" {
		bad(".user", "is needed to register, of letters, digits and -_.+*")
	}
	if e.Expires < 0 || e.Expires > 86400 {
		bad(".expires", "must be 0 to 86400 seconds")
	}
	if e.CA != "" {
		if _, err := pool(e.CA); err != nil {
			bad(".ca", err.Error())
		}
	}
	return append(errs, e.validateParts(field)...)
}

func (e Entry) validateParts(field string) []error {
	errs := []error{e.Out.Validate(field + ".out"), e.In.Validate(field + ".in")}
	errs = append(errs, e.Present.Validate(field+".present")...)
	for i, t := range e.Trust {
		errs = append(errs, t.Validate(fmt.Sprintf("%s.trust[%d]", field, i))...)
	}
	return slices.DeleteFunc(errs, func(err error) bool { return err == nil })
}

// domain is what the carrier's side of a trunk is called in URIs.
func (e Entry) domain(n next) string {
	if e.Domain != "" {
		return e.Domain
	}
	return n.host
}

// secure returns the TLS configuration of connections to the trunk: its certificate is verified for the proxy's name, and
// ours is shown if we have one.
func (e Entry) secure(n next, own *TLS) (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: n.host}
	var err error
	if e.CA != "" {
		if cfg.RootCAs, err = pool(e.CA); err != nil {
			return nil, err
		}
	}
	if own != nil {
		cert, err := tls.LoadX509KeyPair(own.Cert, own.Key)
		if err != nil {
			return nil, err
		}
		cfg.Certificates = []tls.Certificate{cert}
	}
	return cfg, nil
}
