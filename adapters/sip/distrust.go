package sip

import (
	"crypto/x509"
	"errors"
	"net"

	"c2d/core/fault"
)

// distrust says in a sentence why a TLS connection to a trunk came to nothing, when it is that one side does not believe
// the other; any other error stays as it is.
func distrust(err error) error {
	var name x509.HostnameError
	var signer x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	why := ""
	switch {
	case errors.As(err, &name):
		why = "the carrier's certificate is not for the host of the trunk's proxy"
	case errors.As(err, &signer):
		why = "the carrier's certificate is not signed by anybody in the trunk's ca"
	case errors.As(err, &invalid):
		why = "the carrier's certificate is not valid"
	case alerted(err):
		why = "the carrier broke off TLS: it does not believe sip.tls.cert, or wants another version"
	default:
		return err
	}
	return fault.Wrap(fault.CodeBackendUnavailable, err, "%s", why)
}

// alerted reports whether the peer broke off TLS with an alert (RFC 8446 section 6.2), which crypto/tls tells by this word.
func alerted(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}

// brokenOff notes that a peer has ended a connection of ours. In TLS 1.3 a carrier sees our certificate after we take the
// connection for open: what it thinks of it comes when it should answer.
func (s *Stack) brokenOff(peer string, err error) {
	if g := s.gatewayAt(peer); g != nil && alerted(err) {
		g.alert.Store(&outcry{peer, err})
	}
}

// outcry is how a peer broke off TLS.
type outcry struct {
	peer string
	err  error
}

// explain replaces an error of a request to an address by why the carrier broke off the connection meanwhile, if it did.
func (g *gateway) explain(at server, err error) error {
	r := g.alert.Load()
	known := r != nil && at.transport == "tls" && r.peer == at.addr && g.alert.CompareAndSwap(r, nil)
	if !known || err == nil {
		return err
	}
	return distrust(r.err)
}
