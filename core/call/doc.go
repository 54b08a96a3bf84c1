// Package call TODO
package call
