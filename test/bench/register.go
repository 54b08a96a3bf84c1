package main

import (
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

const (
	password = "not a secret here"
	domain   = "hospital.example"
)

// register tells the registrar of a user's phone, and returns when that is done. One at a time.
func (p *phones) register(ctx context.Context, user string, registrar netip.AddrPort) error {
	p.send(p.registration(user, 1, ""), registrar)
	select {
	case status := <-p.known:
		if status != "200" {
			return errors.New("a phone is refused: " + status)
		}
		return nil
	case <-time.After(giveUp):
		return errors.New("the registrar is silent")
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *phones) registration(user string, seq int, authorization string) string {
	return fmt.Sprintf("REGISTER sip:%[1]s SIP/2.0\r\nVia: SIP/2.0/UDP %[2]s;branch=z9hG4bK%[3]s%[4]d;rport\r\nMax-Forwards: 70\r\n"+
		"From: <sip:%[3]s@%[1]s>;tag=%[3]s\r\nTo: <sip:%[3]s@%[1]s>\r\nCall-ID: %[3]s\r\nCSeq: %[4]d REGISTER\r\n"+
		"Contact: <sip:%[3]s@%[2]s>\r\nExpires: 3600\r\n%[5]sContent-Length: 0\r\n\r\n", domain, p.addr(), user, seq, authorization)
}

// registering answers the challenge of a registrar (RFC 2617 section 3.2.2), and tells any other answer.
func (p *phones) registering(m string, from netip.AddrPort) {
	status := strings.Fields(m)[1]
	if status != "401" {
		p.known <- status
		return
	}
	user, challenge := header(m, "Call-ID"), header(m, "WWW-Authenticate")
	nonce := parameter(challenge, "nonce")
	ha1, ha2 := hash(user+":"+domain+":"+password), hash("REGISTER:sip:"+domain)
	p.send(p.registration(user, 2, fmt.Sprintf("Authorization: Digest username=%q, realm=%q, nonce=%q, uri=%q, qop=auth, nc=00000001, cnonce=%q, response=%q\r\n",
		user, domain, nonce, "sip:"+domain, "bench", hash(ha1+":"+nonce+":00000001:bench:auth:"+ha2))), from)
}

func parameter(challenge, name string) string {
	_, rest, _ := strings.Cut(challenge, name+`="`)
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

func hash(s string) string { return fmt.Sprintf("%x", md5.Sum([]byte(s))) }
