with

source as (

    select * from {{ source('ukltd', 'luct01') }}
    where {{ delivered_and_not_yet_typed() }}

),

trimmed as (

    select
        {{ trimmed_columns('luct01') }}
    from source

),

typed as (

    select
        {{ typed_columns('luct01') }}
    from trimmed

),

final as (

    select
        {{ staged_columns('luct01') }}
    from typed

)

select * from final
