package esl

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"time"

	"c2d/core/call"
	"c2d/core/fault"
)

const (
	manyPhones = 8           // of one extension that are rung; a longer list is no ward's
	longURI    = 512         // bytes of an address that a phone has registered
	asking     = time.Second // for all that is asked of FreeSWITCH before phones are rung
)

// Locate implements [call.Backend]. Who is registered FreeSWITCH itself looks up when it dials, so the way stays as it is, unless every
// phone of an extension is to ring. What is not understood, or not answered, is told in the log, and one phone rings.
func (b *Backend) Locate(ctx context.Context, w call.Way) ([]call.Way, error) {
	to, err := b.endpoint(w.Address)
	if err != nil {
		return nil, err
	}
	of := extension.FindStringSubmatch(to)
	if of == nil || !b.config().EveryPhone {
		return []call.Way{w}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, asking)
	defer cancel()
	phones, err := b.phonesOf(ctx, of[1], of[2])
	if err != nil {
		b.log.Warn("one phone of an extension is rung, and not every one", "way", w, "why", err)
	}
	if len(phones) < 2 {
		return []call.Way{w}, nil
	}
	ways := make([]call.Way, len(phones))
	for i, p := range phones {
		ways[i] = call.Way{Backend: w.Backend, Address: w.Address, Contact: p.encode(), Phone: true}
	}
	return ways, nil
}

// extension is an endpoint of the directory, with a domain or without.
var extension = regexp.MustCompile(`^user/([A-Za-z0-9_.+*#-]+)(?:@([A-Za-z0-9_.-]+))?$`)

// phonesOf asks who is registered at an extension; fewer than two are as good as none. Errors: why not every phone can be rung; they
// hold no address.
func (b *Backend) phonesOf(ctx context.Context, user, domain string) ([]registered, error) {
	everywhere, at := "*/"+user, user+"@"+domain
	if domain != "" {
		everywhere = "*/" + at
	}
	contacts, err := b.contacts(ctx, everywhere)
	if err != nil || len(contacts) < 2 {
		return nil, err
	}
	if domain == "" {
		if domain, err = b.call(ctx, "global_getvar", "domain"); err != nil {
			return nil, err
		}
		at = user + "@" + strings.TrimSpace(domain)
	}
	text, err := b.call(ctx, "user_data", at, "param", "dial-string")
	if err != nil {
		return nil, err
	}
	dial, err := readDialString(text, at)
	if err != nil {
		return nil, err
	}
	if dial.asks != "*/"+at {
		if contacts, err = b.contacts(ctx, dial.asks); err != nil {
			return nil, err
		}
	}
	with, err := b.inContext(ctx, at, dial.with)
	if err != nil {
		return nil, err
	}
	return each(contacts, with), nil
}

// contacts asks for what is registered. Errors: of a list that cannot be dialled as it is.
func (b *Backend) contacts(ctx context.Context, who string) ([]string, error) {
	text, err := b.call(ctx, "sofia_contact", who)
	if err != nil || text == "" || strings.HasPrefix(text, "error/") {
		return nil, err
	}
	all := strings.Split(text, ",")
	if len(all) > manyPhones {
		return nil, errors.New("too many phones are registered")
	}
	for _, one := range all {
		if len(all) > 1 && !(registered{Contact: one}).sound() {
			return nil, errors.New("a phone has registered an address that FreeSWITCH could read as something else")
		}
	}
	return all, nil
}

// inContext adds the context of a user's phones, in which the dialplan is looked up when one of them transfers.
func (b *Backend) inContext(ctx context.Context, at string, with map[string]string) (map[string]string, error) {
	text, err := b.call(ctx, "user_data", at, "var", "user_context")
	if text = strings.TrimSpace(text); err != nil || text == "" {
		return with, err
	}
	if !plain.MatchString(text) {
		return nil, errors.New("its user_context has a character that cannot be passed on")
	}
	with["force_transfer_context"] = text
	return with, nil
}

// registered is one of several phones at an extension, as it is stored in a way.
type registered struct {
	Contact string            `json:"contact"` // "sofia/internal/sip:101@10.0.0.7:5060"
	With    map[string]string `json:"with,omitempty"`
}

func each(contacts []string, with map[string]string) (all []registered) {
	for _, c := range contacts {
		all = append(all, registered{c, with})
	}
	return all
}

func (p registered) encode() string {
	text, _ := json.Marshal(p) // of strings
	return string(text)
}

// reached is a contact that is one endpoint and nothing else. A phone writes its part of it by itself: there is no character in it that
// ends it, or begins a variable, a header or a further endpoint, and none is hidden behind a percent sign but those that FreeSWITCH
// needs to note the way to a phone behind NAT.
var reached = regexp.MustCompile(`^sofia/[A-Za-z0-9_.-]+/sip:(?:[A-Za-z0-9_.~@:;=+*-]|%(?:2[Bb]|3[ABDabd]|40))+$`)

func (p registered) sound() bool {
	return len(p.Contact) <= longURI && reached.MatchString(p.Contact) && !strings.HasPrefix(p.Contact, "sofia/gateway/") && !twoCalls(p.Contact) && fit(p.With)
}

// rung is what a way dials, and with which variables. What Locate has found has been in the store since, and is looked at again.
// Errors: those of endpoint; fault.CodeBadCharacter.
func (b *Backend) rung(w call.Way) (registered, error) {
	to, err := b.endpoint(w.Address)
	if err != nil || w.Contact == "" {
		return registered{Contact: to}, err
	}
	var p registered
	if json.Unmarshal([]byte(w.Contact), &p) != nil || !p.sound() {
		return registered{}, fault.Field(fault.CodeBadCharacter, "way.contact", "is no registered phone")
	}
	return p, nil
}
