//go:build !linux

package weather

import (
	"errors"
	"syscall"
	"testing"
)

var errLinux = errors.New("network namespaces are Linux's own")

// Possible returns why no network can be made.
func Possible() error { return errLinux }

func network() *syscall.SysProcAttr { return nil }

// Begin is for Linux.
func (w Weather) Begin(t testing.TB, _ ...string) *Gust { t.Helper(); t.Skip(errLinux); return nil }
