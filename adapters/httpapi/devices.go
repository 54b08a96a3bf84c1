package httpapi

import (
	"context"
	"net/http"
	"slices"

	"c2d/core/access"
	"c2d/core/fault"
	"c2d/core/identity"
	"c2d/core/user"
)

func (s *Server) deviceOperations() {
	const all, one = "/v1/users/{id}/devices", "/v1/users/{id}/devices/{device}"
	register(s, operation(http.MethodGet, all, "list-devices", "A user's devices, in order"), s.listDevices)
	register(s, created(operation(http.MethodPost, all, "create-device", "A new device, after the user's others")), s.createDevice)
	both(s, operation(http.MethodPut, one, "replace-device", "Replace a device"),
		operation(http.MethodPost, one, "replace-device-post", "Replace a device"), s.updateDevice)
	both(s, operation(http.MethodDelete, one, "delete-device", "Take a device from a user; it is deleted when nobody else has it"),
		operation(http.MethodPost, one+"/delete", "delete-device-post", "Take a device from a user; it is deleted when nobody else has it"), s.deleteDevice)
}

// deviceView is a device, as it is shown and as it is sent.
type deviceView struct {
	ID          string                `json:"id,omitempty" readOnly:"true"`
	Version     int64                 `json:"version,omitempty" doc:"In a change: the one that was read"`
	Name        string                `json:"name"`
	Kind        user.DeviceKind       `json:"kind" enum:"desk,soft,mobile,pstn"`
	Backend     string                `json:"backend" doc:"The configured phone system that it lives on"`
	Address     string                `json:"address" doc:"sip:user@domain, or the extension or number that the phone system dials"`
	Number      string                `json:"number,omitempty" doc:"By which others call it"`
	Proved      bool                  `json:"proved" required:"false"`
	Username    string                `json:"username,omitempty" readOnly:"true" doc:"With which it registers"`
	Password    string                `json:"password,omitempty" writeOnly:"true" doc:"8 to 128 characters; kept as digests only"`
	Identifiers []identity.Identifier `json:"identifiers,omitempty"`
	CreatedAt   stamp                 `json:"created_at,omitzero" readOnly:"true"`
	UpdatedAt   stamp                 `json:"updated_at,omitzero" readOnly:"true"`
}

func viewDevice(d user.Device) deviceView {
	v := deviceView{ID: d.ID, Version: d.Version, Name: d.Name, Kind: d.Kind, Backend: d.Backend, Address: d.Address, Number: d.Number,
		Proved: d.Proved, Identifiers: d.Identifiers, CreatedAt: stamp(d.CreatedAt), UpdatedAt: stamp(d.UpdatedAt)}
	if d.Credentials != nil {
		v.Username = d.Credentials.Username
	}
	return v
}

func (v deviceView) device() user.Device {
	return user.Device{Name: v.Name, Kind: v.Kind, Backend: v.Backend, Address: v.Address, Number: v.Number, Proved: v.Proved, Identifiers: v.Identifiers}
}

type deviceOutput struct {
	ETag string `header:"ETag"`
	Body deviceView
}

func showDevice(d user.Device) *deviceOutput {
	return &deviceOutput{ETag: entityTag(d.Version), Body: viewDevice(d)}
}

type listDevicesInput struct {
	ByID
	Paged
}

func (s *Server) listDevices(ctx context.Context, a access.Actor, in *listDevicesInput) (*output[list[deviceView]], error) {
	if err := in.whole(); err != nil {
		return nil, err
	}
	items, err := s.deps.Users.Devices(ctx, a, in.ID)
	if err != nil {
		return nil, err
	}
	return page(items, "", viewDevice), nil
}

type createDeviceInput struct {
	ByID
	Body deviceView
}

func (s *Server) createDevice(ctx context.Context, a access.Actor, in *createDeviceInput) (*deviceOutput, error) {
	d, err := s.deps.Users.AddDevice(ctx, a, in.ID, in.Body.device(), in.Body.Password)
	if err != nil {
		return nil, err
	}
	return showDevice(d), nil
}

// ByDevice is the input of an operation on a user's device.
type ByDevice struct {
	ID     string `path:"id"`
	Device string `path:"device"`
}

type updateDeviceInput struct {
	ByDevice
	IfMatch string `header:"If-Match" doc:"The version that was read, if the body does not say it; * for any"`
	Body    deviceView
}

func (s *Server) updateDevice(ctx context.Context, a access.Actor, in *updateDeviceInput) (*deviceOutput, error) {
	if err := sameID(in.Device, in.Body.ID); err != nil {
		return nil, err
	}
	version, err := versionOf(in.Body.Version, in.IfMatch)
	if err != nil {
		return nil, err
	}
	owner, err := s.deps.Users.Get(ctx, a, in.ID)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(owner.DeviceIDs, in.Device) {
		return nil, fault.New(fault.CodeNotFound, "the user has no such device")
	}
	d := in.Body.device()
	d.ID, d.Version = in.Device, version
	if d, err = s.deps.Users.UpdateDevice(ctx, a, d, in.Body.Password); err != nil {
		return nil, err
	}
	return showDevice(d), nil
}

func (s *Server) deleteDevice(ctx context.Context, a access.Actor, in *ByDevice) (*struct{}, error) {
	return nil, s.deps.Users.RemoveDevice(ctx, a, in.ID, in.Device)
}
