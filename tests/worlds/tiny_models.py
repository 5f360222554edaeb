"""Complete models of transformers with random weights, small enough to be made for a test, saved as on the hub."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from transformers import (
    BertTokenizer,
    BlipConfig,
    BlipForQuestionAnswering,
    BlipImageProcessor,
    BlipProcessor,
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPProcessor,
    CLIPTokenizer,
    GroundingDinoConfig,
    GroundingDinoForObjectDetection,
    GroundingDinoImageProcessor,
    GroundingDinoProcessor,
    Owlv2Config,
    Owlv2ForObjectDetection,
    Owlv2ImageProcessor,
    Owlv2Processor,
    SwinConfig,
    ViltConfig,
    ViltForQuestionAnswering,
    ViltImageProcessor,
    ViltProcessor,
)

LETTERS = [chr(code) for code in range(ord("a"), ord("z") + 1)]
SMALL: dict[str, Any] = {
    "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
}  # fmt: skip
CLIP_TEXT = {**SMALL, "vocab_size": 54, "bos_token_id": 52, "eos_token_id": 53, "pad_token_id": 53}
VISION = {**SMALL, "image_size": 64, "patch_size": 16}
SIDE = {"height": 64, "width": 64}


def owlv2(folder: Path) -> Path:
    """OWLv2, which sees a thing in each of the sixteen cells of the square that it pads a picture to."""
    text = {**CLIP_TEXT, "max_position_embeddings": 16}
    torch.manual_seed(0)
    model = Owlv2ForObjectDetection(Owlv2Config(text_config=text, vision_config=VISION, projection_dim=16))
    model.class_head.logit_shift.bias.data.fill_(4.0)
    model.box_head.dense2.weight.data.zero_()
    model.box_head.dense2.bias.data.zero_()
    processor = Owlv2Processor(Owlv2ImageProcessor(size=SIDE), _clip_tokenizer(folder, 16))
    return _saved(folder, model, processor)


def grounding_dino(folder: Path) -> Path:
    """Grounding DINO: twenty boxes, as sure as chance has them."""
    config = GroundingDinoConfig(
        backbone_config=SwinConfig(
            image_size=64, embed_dim=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 2, 2], window_size=2,
            out_features=["stage2", "stage3", "stage4"],
        ),
        text_config={**SMALL, "model_type": "bert", "hidden_size": 32, "vocab_size": 40, "max_position_embeddings": 64},
        d_model=32, encoder_layers=1, decoder_layers=2, encoder_attention_heads=2, decoder_attention_heads=2,
        encoder_ffn_dim=16, decoder_ffn_dim=16, num_queries=20, max_text_len=32,
    )  # fmt: skip
    torch.manual_seed(0)
    processor = GroundingDinoProcessor(
        GroundingDinoImageProcessor(size={"shortest_edge": 96, "longest_edge": 128}), _bert_tokenizer(folder)
    )
    return _saved(folder, GroundingDinoForObjectDetection(config), processor)


def vilt(folder: Path, answer: str) -> Path:
    """ViLT, which answers every question with the same word."""
    words = ["yes", "no", "two"]
    labels = {word: index for index, word in enumerate(words)}
    config = ViltConfig(
        **VISION,
        vocab_size=40,
        max_position_embeddings=16,
        num_labels=3,
        label2id=labels,
        id2label=dict(enumerate(words)),
    )
    torch.manual_seed(0)
    model = ViltForQuestionAnswering(config)
    model.classifier[-1].bias.data[labels[answer]] = 5.0
    return _saved(folder, model, ViltProcessor(ViltImageProcessor(size={"shortest_edge": 64}), _bert_tokenizer(folder)))


def blip(folder: Path, answer: str) -> Path:
    """BLIP, which begins every answer with the same word."""
    tokenizer = _bert_tokenizer(folder)
    text = {**SMALL, "vocab_size": 40, "max_position_embeddings": 32, "encoder_hidden_size": 16, "pad_token_id": 0,
            "bos_token_id": 2, "eos_token_id": 3, "sep_token_id": 3}  # fmt: skip
    torch.manual_seed(0)
    model = BlipForQuestionAnswering(BlipConfig(text_config=text, vision_config=VISION, projection_dim=16))
    model.text_decoder.cls.predictions.bias.data[tokenizer.convert_tokens_to_ids(answer)] = 5.0
    return _saved(folder, model, BlipProcessor(BlipImageProcessor(size=SIDE), tokenizer))


def clip(folder: Path) -> Path:
    """CLIP, which sees a likeness where chance has it."""
    text = {**CLIP_TEXT, "max_position_embeddings": 77}
    torch.manual_seed(0)
    model = CLIPModel(CLIPConfig(text_config=text, vision_config=VISION, projection_dim=16))
    images = CLIPImageProcessor(size={"shortest_edge": 64}, crop_size=SIDE)
    return _saved(folder, model, CLIPProcessor(images, _clip_tokenizer(folder, 77)))


def _clip_tokenizer(folder: Path, length: int) -> Any:
    """Letter by letter."""
    folder.mkdir(parents=True, exist_ok=True)
    tokens = [*LETTERS, *(f"{letter}</w>" for letter in LETTERS), "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({token: index for index, token in enumerate(tokens)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=length)


def _bert_tokenizer(folder: Path) -> Any:
    folder.mkdir(parents=True, exist_ok=True)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "?", "is", "the", "cup", "dog", "wooden", "yes", "no"]
    (folder / "vocab.txt").write_text("\n".join(words))
    return BertTokenizer(str(folder / "vocab.txt"), model_max_length=16)


def _saved(folder: Path, model: Any, processor: Any) -> Path:
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder
