package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"c2d/cmd/c2d/client"
)

const people = 300 // of each kind, but for crowds

// product is the service with its people and their phones.
type product struct {
	*child
	api *client.Client
	url string
	sip string
}

const configuration = `
http: {listen: "127.0.0.1:0"}
store: {url: "sqlite:%s"}
limits: {key: {per_s: 100000, burst: 100000}, user: {per_s: 100000, burst: 100000}, callee: {per_s: 100000, burst: 100000}, streams: 1000}
`

// ownSIP is the product that is a SIP server itself.
const ownSIP = `
media: {address: "127.0.0.1", ports: "20000-29999"}
sip: {domain: ` + domain + `, listen: ["udp:127.0.0.1:0"], limits: {rate: 100000, burst: 100000}}
backends: [{name: house, kind: sip}]
`

// open starts the service on an empty database and registers that many phones of each kind.
func open(ctx context.Context, o options, dir, name string, p *phones, each int, kinds ...byte) (*product, error) {
	return serve(o, dir, name, ownSIP, func(s *product) error { return s.populate(ctx, p, each, kinds) })
}

// serve starts the service on an empty database, with backends, and lets people come.
func serve(o options, dir, name, backends string, populate func(*product) error) (*product, error) {
	dir = filepath.Join(dir, name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "c2d.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, configuration+backends, filepath.Join(dir, "c2d.db")), 0o600); err != nil {
		return nil, err
	}
	profile := o.profile
	if profile != "" {
		profile += "." + name
	}
	c, err := start("service", file, profile)
	if err != nil {
		return nil, err
	}
	s := &product{child: c}
	err = s.announced()
	if err == nil {
		err = populate(s)
	}
	if err != nil {
		return nil, errors.Join(err, s.stop())
	}
	if profile == "" {
		return s, nil
	}
	return s, s.cmd.Process.Signal(syscall.SIGUSR1)
}

// announced reads where the service is and its key.
func (s *product) announced() error {
	var key string
	for key == "" {
		line, err := s.line()
		if err != nil {
			return err
		}
		f := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "HTTP API"):
			s.url = f[2]
		case strings.HasPrefix(line, "SIP"):
			s.sip = f[1]
		case strings.Contains(line, "c2d-admin.key"):
			text, err := os.ReadFile(f[2])
			if err != nil {
				return err
			}
			key = strings.TrimSpace(string(text))
		}
	}
	s.api = client.New(s.url, key)
	return nil
}

// populate makes that many users of each kind, each with a registered phone; all are in the book.
func (s *product) populate(ctx context.Context, p *phones, each int, kinds []byte) error {
	registrar, err := netip.ParseAddrPort(s.sip)
	if err != nil {
		return err
	}
	if err := s.people(ctx, each, kinds); err != nil {
		return err
	}
	for _, kind := range kinds {
		for n := range each {
			if err := p.register(ctx, user(kind, n), registrar); err != nil {
				return err
			}
		}
	}
	return nil
}

// people makes users, each with a number and a device.
func (s *product) people(ctx context.Context, each int, kinds []byte) error {
	for k, kind := range kinds {
		for n := range each {
			if err := s.person(ctx, user(kind, n), "+1632830"+strconv.Itoa(1000*(k+1)+n)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *product) person(ctx context.Context, login, number string) error {
	u := client.User{Login: login, Name: "Nurse " + login}
	if err := s.api.Post(ctx, "/v1/users", u, &u); err != nil {
		return err
	}
	d := client.Device{Name: "desk", Kind: "desk", Backend: "house", Address: "sip:" + login + "@" + domain, Number: number, Password: password}
	if err := s.api.Post(ctx, "/v1/users/"+u.ID+"/devices", d, nil); err != nil {
		return err
	}
	c := client.Contact{Kind: "person", Name: name(login), Numbers: []client.Phone{{Use: "work", Number: number}}}
	return s.api.Post(ctx, "/v1/contacts", c, nil)
}

func user(kind byte, n int) string { return string(kind) + strconv.Itoa(n) }

func name(login string) string { return "Doctor " + login }

// figures reads what the service says of itself.
func (s *product) figures() (map[string]float64, error) {
	res, err := http.Get(s.url + "/metrics")
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	f := map[string]float64{}
	for in := bufio.NewScanner(res.Body); in.Scan(); {
		name, value, _ := strings.Cut(in.Text(), " ")
		if v, err := strconv.ParseFloat(value, 64); err == nil {
			f[name] = v
		}
	}
	_, _ = io.Copy(io.Discard, res.Body)
	return f, nil
}
