"""Pure rules over plain values: tiers, prices, who goes next, what a request may say."""
