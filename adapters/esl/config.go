package esl

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"c2d/adapters/esl/client"
	"c2d/core/fault"
	"c2d/core/identity"
)

// Config is one entry of the configuration file's backends, of kind freeswitch. It is decoded strictly.
type Config struct {
	Name     string `yaml:"name"`
	Kind     string `yaml:"kind"`
	Address  string `yaml:"address"`  // of the event socket: "127.0.0.1:8021"
	Password string `yaml:"password"` // of event_socket.conf.xml
	Insecure bool   `yaml:"insecure"` // the event socket has no TLS: off loopback it is plain text, and so is the password
	Listen   string `yaml:"listen"`   // where the dialplan's socket application hands us calls: "127.0.0.1:8084"; empty is nowhere
	// Recordings is media.recordings as FreeSWITCH sees it, which writes there: on one machine the same; empty records nothing.
	Recordings string          `yaml:"recordings"`
	Dial       []identity.Dial `yaml:"dial"` // how a number is reached; the first that matches. Empty is user/{number}
	// EveryPhone rings every phone that is registered at an extension (user/…), and not one of them. FreeSWITCH is asked for them each time.
	EveryPhone bool            `yaml:"every_phone"`
	Out        identity.Format `yaml:"out"` // how a number is written there
}

const defaultDial = "user/{number}"

// template is a dial string with its number in it. There is one endpoint in it: what would begin another, a variable or a header
// is not among its characters.
var template = regexp.MustCompile(`^[A-Za-z0-9_.]+/[A-Za-z0-9+*#._@:/%;=-]+$`)

var folder = regexp.MustCompile(`^/[A-Za-z0-9/._-]*$`)

// Validate returns every error of the entry, joined; each is a fault with its field, seen from the entry.
func (c Config) Validate() error {
	var errs []error
	bad := func(field, format string, args ...any) {
		errs = append(errs, fault.Field(fault.CodeInvalid, field, format, args...))
	}
	if c.Name == "" {
		bad("name", "is missing")
	}
	if err := socket(c.Address, c.Insecure); err != nil {
		bad("address", "%s", err)
	}
	if c.Password == "" || strings.ContainsFunc(c.Password, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		bad("password", "is missing, or has a space or a control character in it")
	}
	if c.Listen != "" {
		if err := socket(c.Listen, c.Insecure); err != nil {
			bad("listen", "%s", err)
		}
	}
	if c.Recordings != "" && !folder.MatchString(c.Recordings) {
		bad("recordings", "must be an absolute path of letters, digits and . _ - only")
	}
	if c.EveryPhone && !c.extensions() {
		bad("every_phone", "rings the phones of an extension, and no rule of dial leads to one (user/…)")
	}
	errs = append(errs, c.Out.Validate("out"))
	for i, d := range c.Dial {
		field := fmt.Sprintf("dial[%d]", i)
		if err := d.Validate(field); err != nil {
			errs = append(errs, err)
		} else if why := wrongTemplate(d.Sample()); why != "" {
			bad(field+".to", "%s", why)
		}
	}
	return errors.Join(errs...)
}

// extensions reports whether phones are reached by their extension.
func (c Config) extensions() bool {
	return len(c.Dial) == 0 || slices.ContainsFunc(c.Dial, func(d identity.Dial) bool { return strings.HasPrefix(d.To, "user/") })
}

// socket checks an address of the event socket, which is plain text.
func socket(address string, insecure bool) error {
	host, port, err := net.SplitHostPort(address)
	if n, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || n == 0 || host == "" {
		return errors.New(`must be host:port, such as "127.0.0.1:8021"`)
	}
	ip, err := netip.ParseAddr(host)
	if (err != nil || !ip.IsLoopback()) && host != "localhost" && !insecure {
		return errors.New("is not on this machine, and the event socket is plain text: use a tunnel, or say insecure: true")
	}
	return nil
}

// wrongTemplate returns what is wrong with a dial string, empty for nothing.
func wrongTemplate(to string) string {
	switch {
	case strings.HasPrefix(to, "loopback/"):
		return "loopback/ makes two channels that FreeSWITCH exchanges by itself: name the phone or the gateway"
	case !template.MatchString(to) || strings.Contains(to, ":_:"):
		return `must be such as "user/{number}" or "sofia/gateway/hospital/{number}"; one phone, no options`
	}
	return ""
}

func (c Config) client() client.Config {
	return client.Config{Address: c.Address, Password: c.Password}
}
