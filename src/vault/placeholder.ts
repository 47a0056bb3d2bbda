/** What stands for a credential inside a container. Seen anywhere but where its rule names it, it gives an attack away. */
export const PLACEHOLDER = /ncph_[a-z2-7]{26}/;
