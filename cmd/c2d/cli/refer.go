package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"c2d/adapters/sip/phone"
)

type referCmd struct {
	As           string        `arg:"" help:"The device that asks, and rings first: its sip: address."`
	To           string        `arg:"" help:"Whom to reach: a contact's name, a number, or a sip: or tel: URI."`
	Server       string        `help:"Where the service takes SIP over UDP." default:"127.0.0.1:5060" env:"C2D_SIP"`
	User         string        `help:"User for the digest; without it, that of the address." placeholder:"NAME"`
	PasswordFile string        `help:"File with the device's password, - for standard input; the variable C2D_PASSWORD comes before it." placeholder:"FILE"`
	Wait         time.Duration `help:"How long to wait for the outcome." default:"5m"`
}

// Run asks for the call as a phone does, and prints what it is told of it. It fails unless the two have talked. It does not
// register: the device's own phones ring. When ctx ends the call goes on; SIP has no word to take a REFER back.
func (c referCmd) Run(ctx context.Context, env Env) error {
	to, err := c.referTo()
	if err != nil {
		return err
	}
	cfg, err := c.config(env)
	if err != nil {
		return err
	}
	p, err := phone.New(cfg)
	if err != nil {
		return err
	}
	defer p.Close()
	ctx, cancel := context.WithTimeout(ctx, c.Wait)
	defer cancel()
	if err := p.Refer(ctx, to); err != nil {
		return refusedWith(err)
	}
	return follow(ctx, env.Stdout, p)
}

// follow prints each NOTIFY until the last.
func follow(ctx context.Context, out io.Writer, p *phone.Phone) error {
	for {
		e, err := p.Wait(ctx, phone.Told)
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			return errors.New("no outcome in time")
		case err != nil:
			return err
		}
		told := strings.TrimSpace(fmt.Sprintf("%d %s", e.Status, e.Reason))
		fmt.Fprintf(out, "%s  %s\n", e.At.UTC().Format("15:04:05.000"), told)
		switch {
		case e.Status >= 300:
			return fmt.Errorf("the call ended: %s", told)
		case e.Status >= 200:
			return nil
		}
	}
}

func refusedWith(err error) error {
	var no *phone.Refused
	if !errors.As(err, &no) {
		return err
	}
	switch no.Status {
	case 401, 403, 407:
		return fmt.Errorf("the service refused it (SIP %d): is the password right?", no.Status)
	}
	return fmt.Errorf("the service refused it (SIP %d)", no.Status)
}

// config is a phone that only asks.
func (c referCmd) config(env Env) (cfg phone.Config, err error) {
	server, err := net.ResolveUDPAddr("udp", c.Server)
	if err != nil {
		return cfg, fmt.Errorf("--server: %w", err)
	}
	local, err := towards(server)
	if err != nil {
		return cfg, fmt.Errorf("--server: %w", err)
	}
	password, err := c.password(env)
	at := server.AddrPort()
	return phone.Config{AOR: c.As, Username: c.User, Password: password, Registrar: netip.AddrPortFrom(at.Addr().Unmap(), at.Port()),
		Listen: netip.AddrPortFrom(local, 0), Answer: phone.Busy()}, err
}

// towards returns the address of this machine that the server can answer to. Nothing is sent.
func towards(server *net.UDPAddr) (netip.Addr, error) {
	c, err := net.DialUDP("udp", nil, server)
	if err != nil {
		return netip.Addr{}, err
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap(), nil
}

func (c referCmd) password(env Env) (string, error) {
	if p, ok := env.Lookup("C2D_PASSWORD"); ok && p != "" {
		return p, nil
	}
	if c.PasswordFile == "" {
		return "", errors.New("no password: set C2D_PASSWORD or --password-file")
	}
	return passwordIn(env, c.PasswordFile)
}

// referTo is the value of the Refer-To header: a name or number stands before the @ of the device's own domain.
func (c referCmd) referTo() (string, error) {
	_, domain, ok := strings.Cut(strings.TrimPrefix(c.As, "sip:"), "@")
	if !ok || !strings.HasPrefix(c.As, "sip:") {
		return "", fmt.Errorf("%q is no sip: address", c.As)
	}
	if !strings.HasPrefix(c.To, "sip:") && !strings.HasPrefix(c.To, "tel:") {
		return "<sip:" + url.PathEscape(c.To) + "@" + domain + ">", nil
	}
	if strings.ContainsFunc(c.To, func(r rune) bool { return r <= ' ' || r == '<' || r == '>' || r == '"' || r > '~' }) {
		return "", fmt.Errorf("%q is no URI", c.To)
	}
	return "<" + c.To + ">", nil
}
