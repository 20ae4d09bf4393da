"""The networks that tell calcifications from other bright spots: recipes, patches, teachers, training, model card."""
