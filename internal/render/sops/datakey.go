package sops

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/getsops/sops/v3/shamir"
)

var errShares = errors.New("the shares of the file's key do not fit together")

// dataKey is the key that a file's values are encrypted with.
func (d *Decrypter) dataKey(m metadata) ([]byte, error) {
	var shares [][]byte
	var failed []error
	for _, group := range m.Groups {
		share, err := d.share(group.keys())
		if err != nil {
			failed = append(failed, err)
			continue
		}
		if shares = append(shares, share); len(shares) == m.threshold() {
			return combine(shares, len(m.Groups))
		}
	}
	if len(m.Groups) == 1 {
		return nil, failed[0]
	}
	return nil, model.As(kindOf(errors.Join(failed...)), fmt.Errorf("%d of %d groups of keys are needed, and %d could be used: %w",
		m.threshold(), len(m.Groups), len(shares), failed[0]))
}

// combine makes the key out of shares; with one group there is nothing to do.
func combine(shares [][]byte, groups int) ([]byte, error) {
	if groups == 1 {
		return shares[0], nil
	}
	if len(shares) < 2 {
		return nil, errShares
	}
	key, err := shamir.Combine(shares)
	if err != nil {
		return nil, errShares
	}
	return key, nil
}

// share asks for a group's part of the key, by one master key after the other.
func (d *Decrypter) share(keys []masterKey) ([]byte, error) {
	kind := model.ErrDenied
	var failed []string
	for _, k := range keys {
		share, err := d.ask(k)
		if err == nil {
			return share, nil
		}
		if errors.Is(err, model.ErrTransient) {
			kind = model.ErrTransient
		}
		failed = append(failed, fmt.Sprintf("%s (%v)", k, err))
	}
	if len(failed) == 0 {
		return nil, errNoKeys
	}
	return nil, model.As(kind, fmt.Errorf("none of the keys that it is encrypted for can be used: %s", strings.Join(failed, "; ")))
}

// ask asks for the plaintext of an encrypted key, once.
func (d *Decrypter) ask(k masterKey) ([]byte, error) {
	if d.unwrap == nil {
		return nil, model.As(model.ErrDenied, errors.New("keys are not available here"))
	}
	request, err := json.Marshal(k)
	if err != nil {
		return nil, err
	}
	if share, ok := d.shares[string(request)]; ok {
		return share, nil
	}
	share, err := d.unwrap(d.ctx, request)
	if err == nil && len(share) == 0 {
		err = errShares
	}
	if err == nil {
		d.shares[string(request)] = share
	}
	return share, err
}
