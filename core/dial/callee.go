package dial

import (
	"context"

	"c2d/core/directory"
	"c2d/core/fault"
	"c2d/core/identity"
	"c2d/core/user"
)

// callee is whom a request means, settled before anything rings: a contact, or a bare number or address.
type callee struct {
	contact string // id
	name    string
	number  string // normalised; or the address of a device for a sip: URI
	blocked bool
}

func (s *Service) callee(ctx context.Context, tenant string, r Ref) (callee, error) {
	if err := r.check("callee"); err != nil {
		return callee{}, err
	}
	if tel, ok := telNumber(r.URI); ok {
		r = Ref{Number: tel}
	}
	if r.Number != "" {
		return s.calleeByNumber(ctx, tenant, r.Number)
	}
	c, err := s.cfg.Book.Resolve(ctx, tenant, "callee", directory.Query{ID: r.ID, Identifier: r.Identifier, URI: r.URI, Name: r.Name})
	if fault.Is(err, fault.CodeCalleeUnknown) && r.URI != "" {
		return s.calleeByAddress(ctx, tenant, r.URI)
	}
	if err != nil {
		return callee{}, err
	}
	return s.calleeOf(c)
}

// calleeByNumber needs no contact; when the book has exactly one with that number, the call is to that one, and when
// any with that number is blocked, the number is.
func (s *Service) calleeByNumber(ctx context.Context, tenant, typed string) (callee, error) {
	n, err := s.number("callee.number", typed)
	if err != nil {
		return callee{}, err
	}
	found, err := s.cfg.Contacts.ContactsByNumber(ctx, tenant, n.Dial())
	if err != nil {
		return callee{}, err
	}
	out := callee{number: n.Dial()}
	for _, c := range found {
		out.blocked = out.blocked || c.Blocked
	}
	if len(found) == 1 {
		out.name = string(found[0].Name)
	}
	return out, nil
}

// address returns what a URI is called by: the number of a tel: URI, else the URI itself. An emergency number is no
// less one for being the user part of a sip: URI.
func (s *Service) address(field, uri string) (string, error) {
	if tel, ok := telNumber(uri); ok {
		n, err := s.number(field, tel)
		return n.Dial(), err
	}
	return uri, s.notEmergency(field, uri)
}

func (s *Service) notEmergency(field, address string) error {
	number, ok := identity.UserNumber(address)
	if !ok {
		return nil
	}
	if n, err := s.cfg.Numbers.Parse(number); err == nil && n.Emergency && !s.course().Emergency {
		return emergency(field)
	}
	return nil
}

func (s *Service) calleeByAddress(ctx context.Context, tenant, uri string) (callee, error) {
	if err := s.notEmergency("callee.uri", uri); err != nil {
		return callee{}, err
	}
	d, err := s.cfg.Users.DeviceByAddress(ctx, tenant, uri)
	if fault.Is(err, fault.CodeNotFound) {
		err = fault.Field(fault.CodeCalleeUnknown, "callee.uri", "nobody here has that address")
	}
	return callee{number: d.Address}, err
}

// calleeOf settles a contact; the number is read again when the caller has answered.
func (s *Service) calleeOf(c directory.Contact) (callee, error) {
	n, err := s.firstNumber(c)
	return callee{contact: c.ID, name: string(c.Name), number: n, blocked: c.Blocked}, err
}

// firstNumber returns the number or address that a call to the contact goes to.
func (s *Service) firstNumber(c directory.Contact) (string, error) {
	if len(c.Numbers) > 0 {
		n, err := s.number("callee", c.Numbers[0].Number.Typed)
		return n.Dial(), err
	}
	if len(c.URIs) > 0 {
		return s.address("callee", c.URIs[0])
	}
	return "", fault.Field(fault.CodeInvalidNumber, "callee", "the contact has no number")
}

// sameParty reports whether the callee's number is one of the caller's own devices.
func sameParty(devices []user.Device, number string) bool {
	for _, d := range devices {
		if number != "" && (d.Number == number || d.Address == number) {
			return true
		}
	}
	return false
}
