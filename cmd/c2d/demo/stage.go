package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"c2d/adapters/sip"
	"c2d/adapters/sip/phone"
	"c2d/cmd/c2d/app"
	"c2d/cmd/c2d/client"
	"c2d/cmd/c2d/config"
)

// stage is everything that takes part: the service in a folder of its own, and two people with their phones.
type stage struct {
	dir     string
	cfg     config.Config
	app     *app.App
	api     *client.Client
	printer *printer
	harry   *actor
	mary    *actor
}

// actor is a person with a phone.
type actor struct {
	name   string
	login  string
	number string
	hz     int
	phone  *phone.Phone
	other  *actor

	mu  sync.Mutex
	rtp netip.AddrPort // where the phone hears, in the call that is shown
}

func (a *actor) setRTP(addr netip.AddrPort) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.rtp = addr
}

func (a *actor) rtpAddr() netip.AddrPort {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.rtp
}

var loopback = netip.MustParseAddrPort("127.0.0.1:0")

// open sets the stage. What it returns must be closed, also with an error.
func open(ctx context.Context, p *printer, version string) (*stage, error) {
	s := &stage{printer: p}
	s.harry = &actor{name: "Harry", login: "harry", number: "+16328300100", hz: 600}
	s.mary = &actor{name: "Mary", login: "mary", number: "+16328300101", hz: 1000, other: s.harry}
	s.harry.other = s.mary
	p.heading("Two phones register")
	if err := s.serve(ctx, version); err != nil {
		return s, err
	}
	for _, a := range []*actor{s.harry, s.mary} {
		if err := s.enrol(ctx, a); err != nil {
			return s, fmt.Errorf("%s: %w", a.name, err)
		}
	}
	mary := client.Contact{Kind: "person", Name: "Mary", Department: "Ward 3", Numbers: []client.Phone{{Use: "work", Number: s.mary.number}}}
	return s, s.api.Post(ctx, "/v1/contacts", mary, nil)
}

// serve starts the service in a new folder, on ports that are free.
func (s *stage) serve(ctx context.Context, version string) (err error) {
	if s.dir, err = os.MkdirTemp("", "c2d-demo-"); err != nil {
		return err
	}
	s.cfg = config.Default()
	s.cfg.Store.URL = "sqlite:" + filepath.Join(s.dir, "c2d.db")
	s.cfg.HTTP.Listen = loopback.String()
	s.cfg.SIP.Listen = []string{"udp:" + loopback.String()}
	s.cfg.SIP.Media, s.cfg.SIP.Entries = s.cfg.Media, []sip.Entry{*s.cfg.Backends[0].SIP}
	s.app = app.New(s.cfg, app.Deps{Version: version, Trace: s.printer.message})
	if err := s.app.Start(ctx); err != nil {
		return err
	}
	key, err := os.ReadFile(s.keyFile())
	if err != nil {
		return err
	}
	s.api = client.New(s.app.URL(), strings.TrimSpace(string(key)))
	return nil
}

// enrol makes a person a user with a desk phone, and registers the phone.
func (s *stage) enrol(ctx context.Context, a *actor) (err error) {
	password, err := s.addUser(ctx, a.login, a.name, a.number)
	if err != nil {
		return err
	}
	a.phone, err = phone.New(phone.Config{
		AOR: s.address(a.login), Password: password, Registrar: s.app.SIP(), Listen: loopback, ToneHz: a.hz,
		Answer: phone.Auto(ringsFor), ReinviteAfter: pondering, Notify: func(e phone.Event) { s.happened(a, e) },
	})
	if err != nil {
		return err
	}
	s.printer.column(a.phone.Addr(), a.name)
	return a.phone.Register(ctx)
}

func (s *stage) address(login string) string { return "sip:" + login + "@" + s.cfg.SIP.Domain }

// addUser makes a user with one device that registers here, and returns the device's password.
func (s *stage) addUser(ctx context.Context, login, name, number string) (password string, err error) {
	u := client.User{Login: login, Name: name}
	if err := s.api.Post(ctx, "/v1/users", u, &u); err != nil {
		return "", err
	}
	password = strings.ToLower(rand.Text())[:12]
	d := client.Device{Name: "desk phone", Kind: "desk", Backend: "house", Address: s.address(login), Number: number, Password: password}
	return password, s.api.Post(ctx, "/v1/users/"+u.ID+"/devices", d, nil)
}

// happened shows what a phone tells: what it hears, and where it sends.
func (s *stage) happened(a *actor, e phone.Event) {
	switch e.Kind {
	case phone.Media:
		if e.Remote.IsValid() {
			s.printer.note(fmt.Sprintf("%s sends to %s%s", a.name, e.Remote, s.whose(a, e.Remote)))
		}
	case phone.Heard:
		s.printer.sound(fmt.Sprintf("%s hears %s", a.name, s.what(a, e.Sound)))
	}
}

// whose says to whom an address belongs that is not C2D's.
func (s *stage) whose(a *actor, addr netip.AddrPort) string {
	if addr == a.other.phone.RTP() {
		return ", " + a.other.name + "'s own"
	}
	return ", C2D's"
}

func (s *stage) what(a *actor, heard phone.Sound) string {
	path := fmt.Sprintf("%d Hz through C2D (%s)", heard.Hz, heard.From)
	if heard.From == a.other.phone.RTP() {
		path = fmt.Sprintf("%d Hz directly (%s)", heard.Hz, heard.From)
	}
	if near(heard.Hz, a.other.hz) {
		return a.other.name + ": " + path
	}
	return "ring-back: " + path
}

// near allows for the width of a phone's ear.
func near(a, b int) bool { return a-b <= 40 && b-a <= 40 }

// close takes everything down.
func (s *stage) close() {
	s.printer.quiet()
	for _, a := range []*actor{s.harry, s.mary} {
		if a.phone != nil {
			a.phone.Close()
		}
	}
	var errs []error
	if s.api != nil {
		s.api.Close()
	}
	if s.app != nil {
		errs = append(errs, s.app.Stop(context.Background()))
	}
	if s.dir != "" {
		errs = append(errs, os.RemoveAll(s.dir))
	}
	if err := errors.Join(errs...); err != nil {
		s.printer.plain("stopping: " + err.Error())
	}
}
