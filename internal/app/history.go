package app

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fixpoint-cd/fixpoint/internal/history"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// openHistory opens the store of what was deployed and of what happened. The key of a
// file lies beside it; that of a database, which replicas share, in a Secret.
func openHistory(mgr ctrl.Manager, opt Options) (*history.Store, error) {
	config := history.Config{Path: filepath.Join(opt.DataDir, "history.db"), URL: opt.HistoryURL, KeepAudit: opt.KeepAudit}
	var err error
	if opt.HistoryURL == "" {
		config.Key, err = history.KeyFile(filepath.Join(opt.DataDir, "history.key"))
	} else {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		config.Key, err = sharedKey(ctx, mgr, opt.ArgoNamespace)
	}
	if err != nil {
		return nil, err
	}
	return history.Open(config)
}

// secretHistory holds the key of a history that replicas share.
const (
	secretHistory = "fixpoint-history"
	historyKey    = "key"
)

// sharedKey reads the key, and makes one where there is none.
func sharedKey(ctx context.Context, mgr ctrl.Manager, namespace string) (history.Key, error) {
	// The manager's client reads Secrets from a cache that has not begun yet.
	writer, err := client.New(mgr.GetConfig(), client.Options{Scheme: mgr.GetScheme()})
	if err != nil {
		return history.Key{}, fmt.Errorf("connecting to the cluster: %w", err)
	}
	at := client.ObjectKey{Namespace: namespace, Name: secretHistory}
	secret := &corev1.Secret{}
	err = writer.Get(ctx, at, secret)
	if apierrors.IsNotFound(err) {
		err = writer.Create(ctx, newKeySecret(at))
		if err == nil || apierrors.IsAlreadyExists(err) { // another replica was faster
			err = writer.Get(ctx, at, secret)
		}
	}
	if err != nil {
		return history.Key{}, fmt.Errorf("reading Secret %s/%s, which keeps the history's key: %w", namespace, secretHistory, err)
	}
	key, err := history.ParseKey(secret.Data[historyKey])
	if err != nil {
		return history.Key{}, fmt.Errorf("Secret %s/%s, key %s: %w: restore it, or delete the Secret to begin anew with another", namespace, secretHistory, historyKey, err)
	}
	return key, nil
}

func newKeySecret(at client.ObjectKey) *corev1.Secret {
	var key history.Key
	_, _ = rand.Read(key[:]) // it never fails
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: at.Namespace, Name: at.Name, Labels: map[string]string{"app.kubernetes.io/name": "fixpoint"}},
		Data:       map[string][]byte{historyKey: []byte(base64.StdEncoding.EncodeToString(key[:]))},
	}
}

// discreetHistory is the history as people meet it: what they are told of its errors
// names no host, user or database. The log does.
type discreetHistory struct {
	*history.Store
	log *slog.Logger
}

// Activities is what happened.
func (d discreetHistory) Activities(ctx context.Context, q view.ActivityQuery) ([]view.Activity, error) {
	found, err := d.Store.Activities(ctx, q)
	return found, d.discreet(err)
}

// Audits are who did or saw what.
func (d discreetHistory) Audits(ctx context.Context, q view.AuditQuery) ([]view.Audit, error) {
	found, err := d.Store.Audits(ctx, q)
	return found, d.discreet(err)
}

// VerifyAudit says whether the audit trail is whole.
func (d discreetHistory) VerifyAudit(ctx context.Context) (view.AuditCheck, error) {
	check, err := d.Store.VerifyAudit(ctx)
	if errors.Is(err, history.ErrAltered) {
		d.log.Error("the audit trail is not whole", "err", err)
		check.Broken = err.Error()
		return check, nil
	}
	return check, d.discreet(err)
}

// Audit notes who did or saw something.
func (d discreetHistory) Audit(ctx context.Context, a view.Audit) error {
	return d.discreet(d.Store.Audit(ctx, a))
}

func (d discreetHistory) discreet(err error) error {
	if err == nil || errors.Is(err, model.ErrInvalid) || errors.Is(err, context.Canceled) {
		return err
	}
	d.log.Error("the history fails", "err", err)
	return model.As(model.ErrTransient, errors.New("the history of what happened does not answer, and without it nothing can be noted: try again in a while"))
}
