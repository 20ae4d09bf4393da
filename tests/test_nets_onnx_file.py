"""The reader of ONNX files: against the onnx package, and on damaged bytes."""

import numpy
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from mcfast import nets
from mcfast.errors import ConfigError
from mcfast.nets.onnx_file import read_onnx


@pytest.mark.parametrize("name", nets.names())
def test_shipped_files(name):
    content = nets.weights(name)
    model, ours = onnx.load_from_string(content), read_onnx(content)
    assert ours.metadata == {entry.key: entry.value for entry in model.metadata_props}
    assert [node.operator for node in ours.nodes] == [node.op_type for node in model.graph.node]
    assert ours.outputs == tuple(output.name for output in model.graph.output)
    for one in (*model.graph.input, *model.graph.output):
        sides = one.type.tensor_type.shape.dim
        assert ours.shapes[one.name] == tuple(s.dim_value if s.HasField("dim_value") else None for s in sides)
    assert set(ours.tensors) == {entry.name for entry in model.graph.initializer}
    for one, entry in zip(ours.nodes, model.graph.node, strict=True):
        assert (one.name, one.inputs, one.outputs) == (entry.name, tuple(entry.input), tuple(entry.output))
        for attribute in entry.attribute:
            value = helper.get_attribute_value(attribute)
            if isinstance(value, int | list):
                assert one.attributes[attribute.name] == (tuple(value) if isinstance(value, list) else (value,))
    for entry in model.graph.initializer:
        numpy.testing.assert_array_equal(ours.tensors[entry.name], numpy_helper.to_array(entry))


def _model(tensors, **attributes):
    nodes = [helper.make_node("Conv", ["x", "w"], ["y"], name="only", **attributes)]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"]) for name in "xy"]
    return helper.make_model(helper.make_graph(nodes, "small", values[:1], values[1:], tensors)).SerializeToString()


def test_other_ways_to_write_the_same():
    listed = helper.make_tensor("w", TensorProto.FLOAT, [2, 3], [0, 1, 2, 3, 4, 5])  # float_data, not raw_data
    whole = helper.make_tensor("k", TensorProto.INT64, [2], [1, 2])
    ours = read_onnx(_model([listed, whole], pads=[-1, 2], group=1, auto_pad="NOTSET"))
    numpy.testing.assert_array_equal(ours.tensors["w"], numpy.arange(6).reshape(2, 3))
    assert ours.tensors["k"].size == 0, "whole numbers are no weights"
    assert ours.nodes[0].attributes["pads"] == (-1, 2)
    assert ours.name == "small"
    assert ours.inputs == ("x",)


def test_weights_in_another_file_are_refused():
    tensor = helper.make_tensor("w", TensorProto.FLOAT, [1], [0])
    tensor.data_location = TensorProto.EXTERNAL
    with pytest.raises(ConfigError, match="tensor 'w' lies in another file"):
        read_onnx(_model([tensor]))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"network \(0 bytes\): no intact ONNX file \(no field 7\); give the bytes of an ONNX file"),
        (b"not a network", "no intact ONNX file"),
        (nets.weights("fsrcnn")[:5000], "a field that ends beyond the file"),
        (b"\xff" * 12, "more than 64 bits"),
        (b"\x0b", "a field of unknown kind 3"),
        (b"\x38\x05", "a number where a message was expected"),
    ],
)
def test_damaged_files_say_so(content, message):
    with pytest.raises(ConfigError, match=message):
        read_onnx(content)


@given(st.binary(max_size=60), st.integers(0, 600))
def test_any_bytes_are_read_or_refused(noise, at):
    content = bytearray(nets.weights("fsrcnn")[:4000])
    content[at : at + len(noise)] = noise
    for candidate in (bytes(content), noise):
        try:
            read_onnx(candidate)
        except ConfigError as error:
            assert "no intact ONNX file" in str(error)
