package argo

import (
	"fmt"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Webhooks are what senders of webhooks prove themselves by, from argocd-secret.
// An empty one is not set.
type Webhooks struct {
	GitHub, GitLab, Gogs model.Hidden
	// BitbucketUUID is that of Bitbucket Cloud's hook, BitbucketServer a secret.
	BitbucketUUID, BitbucketServer model.Hidden
	AzureUsername, AzurePassword   model.Hidden
	// MaxPayload is the largest body in bytes; 0 where nothing is said of it.
	MaxPayload int64
}

// readWebhooks reads argocd-secret. A value $key is that of another key of it,
// and $name:key that of a key of another Secret that is Argo CD's.
func readWebhooks(main corev1.Secret, all []corev1.Secret, limit int64) Webhooks {
	get := func(key string) model.Hidden {
		value := strings.TrimSpace(string(main.Data[key]))
		reference, ok := strings.CutPrefix(value, "$")
		if !ok {
			return hiddenOf(value)
		}
		name, key, elsewhere := strings.Cut(reference, ":")
		if !elsewhere {
			return hiddenOf(string(main.Data[reference]))
		}
		for _, secret := range all {
			if secret.Name == name && secret.Labels[LabelPartOf] == PartOf {
				return hiddenOf(string(secret.Data[key]))
			}
		}
		return nil
	}
	return Webhooks{
		GitHub: get("webhook.github.secret"), GitLab: get("webhook.gitlab.secret"), Gogs: get("webhook.gogs.secret"),
		BitbucketUUID: get("webhook.bitbucket.uuid"), BitbucketServer: get("webhook.bitbucketserver.secret"),
		AzureUsername: get("webhook.azuredevops.username"), AzurePassword: get("webhook.azuredevops.password"),
		MaxPayload: limit,
	}
}

func hiddenOf(text string) model.Hidden {
	if text = strings.TrimSpace(text); text == "" {
		return nil
	}
	return model.Hidden(text)
}

func maxPayload(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%q is not a number of megabytes", text)
	}
	return n << 20, nil
}
