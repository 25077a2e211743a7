package app

import (
	"github.com/fixpoint-cd/fixpoint/internal/webhook"
)

// newWebhooks makes what answers webhooks.
func (c *controller) newWebhooks() *webhook.Handler {
	return webhook.New(webhook.Config{
		Secrets: c.webhookSecrets, Unsigned: c.opt.UnsignedWebhooks,
		MaxBytes: func() int64 {
			argo, _ := c.argo.Webhooks()
			return argo.MaxPayload
		},
		Refresh:  func(p webhook.Push) int { return c.store.RefreshPush(p.URLs, p.Refs) },
		Receiver: c.receiver, Poke: c.flux.Poke,
	})
}

// receiver is what a Receiver of Flux asks of its calls.
func (c *controller) receiver(path string) (webhook.Receiver, bool) {
	hook, ok := c.flux.Receiver(path)
	return webhook.Receiver{Type: hook.Type, Token: hook.Token, Events: hook.Events}, ok
}

// webhookSecrets are those of argocd-secret, and our own for every sender.
func (c *controller) webhookSecrets() webhook.Secrets {
	argo, _ := c.argo.Webhooks()
	return webhook.Secrets{
		Shared: c.opt.WebhookSecret,
		GitHub: string(argo.GitHub), GitLab: string(argo.GitLab), Gogs: string(argo.Gogs),
		BitbucketUUID: string(argo.BitbucketUUID), BitbucketServer: string(argo.BitbucketServer),
		AzureUsername: string(argo.AzureUsername), AzurePassword: string(argo.AzurePassword),
	}
}
