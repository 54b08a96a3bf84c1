package user

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"c2d/core/fault"
	"c2d/core/identity"
)

const maxDevices = 16 // of one user; more is a mistake, not a person

var (
	logins = regexp.MustCompile(`^[a-z0-9._-]{1,64}$`)
	ids    = regexp.MustCompile(`^[A-Za-z0-9-]{0,64}$`)
)

// Check returns nil when the limit is 1 to 500; else fault.CodeInvalid with the field "limit".
func (p Page) Check() error {
	if p.Limit < 1 || p.Limit > 500 {
		return fault.Field(fault.CodeInvalid, "limit", "must be 1 to 500")
	}
	return nil
}

// check normalises a user and returns what is wrong with it.
func (s *Service) check(ctx context.Context, u *User) error {
	u.Login, u.Name, u.Site = strings.ToLower(u.Login), strings.TrimSpace(u.Name), strings.TrimSpace(u.Site)
	if !logins.MatchString(u.Login) {
		return fault.Field(loginFault(u.Login), "login", "must be 1 to 64 of a-z, 0-9 and . _ -")
	}
	if err := identity.CheckText("name", u.Name, 1, 200); err != nil {
		return err
	}
	if !ids.MatchString(u.ContactID) {
		return fault.Field(fault.CodeInvalid, "contact_id", "is not an id")
	}
	if err := identity.CheckText("site", u.Site, 0, 200); err != nil {
		return err
	}
	if err := identity.CheckIdentifiers("identifiers", u.Identifiers); err != nil {
		return err
	}
	return s.checkDevices(ctx, u)
}

func loginFault(login string) fault.Code {
	if login == "" || len(login) > 64 {
		return fault.CodeInvalid
	}
	return fault.CodeBadCharacter
}

func (s *Service) checkDevices(ctx context.Context, u *User) error {
	if u.DeviceIDs == nil {
		u.DeviceIDs = []string{}
	}
	if len(u.DeviceIDs) > maxDevices {
		return fault.Field(fault.CodeInvalid, "device_ids", "must have %d items at most", maxDevices)
	}
	for i, id := range u.DeviceIDs {
		field := "device_ids[" + strconv.Itoa(i) + "]"
		if slices.Contains(u.DeviceIDs[:i], id) {
			return fault.Field(fault.CodeInvalid, field, "is given twice")
		}
		if _, err := s.store.Device(ctx, u.Tenant, id); err != nil {
			if fault.Is(err, fault.CodeNotFound) {
				return fault.Field(fault.CodeInvalid, field, "is no device")
			}
			return err
		}
	}
	return nil
}

// checkDevice normalises a device and returns what is wrong with it.
func (s *Service) checkDevice(d *Device) error {
	d.Name = strings.TrimSpace(d.Name)
	if err := identity.CheckText("name", d.Name, 1, 200); err != nil {
		return err
	}
	if !slices.Contains([]DeviceKind{Desk, Soft, Mobile, PSTN}, d.Kind) {
		return fault.Field(fault.CodeInvalid, "kind", "must be desk, soft, mobile or pstn")
	}
	if !slices.Contains(*s.backends.Load(), d.Backend) {
		return fault.Field(fault.CodeInvalid, "backend", "is not configured")
	}
	if err := identity.CheckAddress("address", d.Address); err != nil {
		return err
	}
	if err := identity.CheckIdentifiers("identifiers", d.Identifiers); err != nil {
		return err
	}
	if err := s.checkReach(d.Address); err != nil {
		return err
	}
	return s.checkNumber(d)
}

// checkReach refuses an address that rings the emergency service instead of a phone of the user's.
func (s *Service) checkReach(address string) error {
	number, ok := identity.UserNumber(address)
	if !ok {
		return nil
	}
	if n, err := s.numbers.Parse(number); err == nil && n.Emergency {
		return fault.Field(fault.CodeEmergencyNumber, "address", "is an emergency number")
	}
	return nil
}

// checkNumber keeps the number in the form by which others find the device; an emergency number is nobody's.
func (s *Service) checkNumber(d *Device) error {
	if d.Number == "" {
		return nil
	}
	n, err := s.numbers.Parse(d.Number)
	if err != nil {
		return fault.Field(fault.CodeOf(err), "number", "is not a number")
	}
	if n.Emergency {
		return fault.Field(fault.CodeEmergencyNumber, "number", "is an emergency number")
	}
	d.Number = n.Dial()
	return nil
}
